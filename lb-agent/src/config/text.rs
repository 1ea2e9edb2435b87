//! The texts of a configuration and places in them.
//!
//! Everything later than this stage speaks of places as [`Span`]s: a file and a range of bytes.
//! Lines and columns are worked out only when something is reported. Reading files is the
//! business of [`super::source`].

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

/// Number of a file in its [`Sources`], in the order of reading: 0 is the file asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileId(u32);

/// A range of bytes of one file. Orders by file, then place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The file.
    pub file: FileId,
    /// First byte.
    pub start: u32,
    /// Byte behind the last one.
    pub end: u32,
}

impl Span {
    /// From the start of `self` to the end of `last`, a later place in the same file.
    #[must_use]
    pub fn to(self, last: Self) -> Self {
        Self {
            end: if last.file == self.file {
                last.end.max(self.end)
            } else {
                self.end
            },
            ..self
        }
    }
}

/// A value and the place where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spanned<T> {
    /// The value.
    pub value: T,
    /// Its place.
    pub span: Span,
}

/// A place as people count: from 1, columns in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    /// Line.
    pub line: usize,
    /// Column of the first character.
    pub column: usize,
}

/// One file as it was read. A file included twice stands here twice and shares its text.
#[derive(Clone, Debug)]
pub struct SourceFile {
    path: PathBuf,
    text: Arc<String>,
    included_from: Option<Span>,
    /// Where in it the file has U+FFFD itself, if bytes of it were no UTF-8.
    replaced: Option<Vec<u32>>,
    line_starts: OnceLock<Vec<u32>>,
}

impl SourceFile {
    /// The path as it was asked for.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether bytes of it were no UTF-8, and U+FFFD stands in their places.
    pub(crate) fn is_replaced(&self) -> bool {
        self.replaced.is_some()
    }

    /// How many U+FFFD in a part of it are the file's own, and stand for no other bytes.
    pub(crate) fn own_replacements(&self, part: Range<u32>) -> usize {
        let own = self.replaced.as_deref().unwrap_or_default();
        let before = |end: u32| own.partition_point(|&place| place < end);
        before(part.end).saturating_sub(before(part.start))
    }

    /// The whole text; bytes that are not UTF-8 are replaced.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The `include` line that led here; `None` for the file that was asked for.
    pub fn included_from(&self) -> Option<Span> {
        self.included_from
    }

    fn line_starts(&self) -> &[u32] {
        self.line_starts.get_or_init(|| {
            let breaks = self
                .text
                .bytes()
                .zip(1u32..)
                .filter(|(byte, _)| *byte == b'\n');
            std::iter::once(0)
                .chain(breaks.map(|(_, next)| next))
                .collect()
        })
    }

    /// The bytes of the line around `offset`, without its line feed.
    pub fn line_range(&self, offset: u32) -> Range<u32> {
        let starts = self.line_starts();
        let next = starts.partition_point(|&start| start <= offset);
        let start = next
            .checked_sub(1)
            .and_then(|line| starts.get(line))
            .copied()
            .unwrap_or(0);
        let end = starts
            .get(next)
            .map_or_else(|| length(&self.text), |&following| following - 1);
        start..end
    }

    /// Line and column of a byte.
    pub fn location(&self, offset: u32) -> Location {
        let line = self
            .line_starts()
            .partition_point(|&start| start <= offset)
            .max(1);
        let before = self.slice(self.line_range(offset).start..offset);
        Location {
            line,
            column: before.chars().count() + 1,
        }
    }

    /// The text of a range; empty when it does not exist.
    pub fn slice(&self, range: Range<u32>) -> &str {
        self.text
            .get(range.start as usize..range.end as usize)
            .unwrap_or_default()
    }
}

/// All files of one configuration.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    files: Vec<SourceFile>,
}

impl Sources {
    /// Adds a file and gives its number.
    pub(crate) fn add(
        &mut self,
        path: PathBuf,
        text: Arc<String>,
        included_from: Option<Span>,
    ) -> FileId {
        let id = FileId(u32::try_from(self.files.len()).unwrap_or(u32::MAX));
        self.files.push(SourceFile {
            path,
            text,
            included_from,
            replaced: None,
            line_starts: OnceLock::new(),
        });
        id
    }

    /// Notes that bytes of this file were no UTF-8, and where it has `own` U+FFFD.
    pub(crate) fn note_replaced(&mut self, id: FileId, own: Vec<u32>) {
        if let Some(file) = self.files.get_mut(id.0 as usize) {
            file.replaced = Some(own);
        }
    }

    /// A file by its number.
    pub fn file(&self, id: FileId) -> Option<&SourceFile> {
        self.files.get(id.0 as usize)
    }

    /// All files with their numbers, in the order of reading.
    pub fn files(&self) -> impl Iterator<Item = (FileId, &SourceFile)> {
        self.files
            .iter()
            .zip(0u32..)
            .map(|(file, number)| (FileId(number), file))
    }

    /// The text at a place.
    pub fn text(&self, span: Span) -> &str {
        self.file(span.file)
            .map_or("", |file| file.slice(span.start..span.end))
    }

    /// The last place of a file.
    pub fn end_of(&self, file: FileId) -> Span {
        let end = self.file(file).map_or(0, |file| length(&file.text));
        Span {
            file,
            start: end,
            end,
        }
    }
}

/// Length in bytes; [`super::include`] admits no text that a `u32` cannot count.
pub(crate) fn length(text: &str) -> u32 {
    u32::try_from(text.len()).unwrap_or(u32::MAX)
}
