//! Reads the file asked for and all that it includes, in the order of their lines.
//!
//! `include` is read before anything else is understood: it may stand in any block. A condition
//! (`@id`) before it and variables in its name count all the same, as in keepalived 2.2.7, whatever
//! its manual says; what is defined within the values of other variables does not. What comes out
//! are the texts and, as [`Segment`]s, the order in which their lines count. Words are the business
//! of [`super::lexer`].

mod bounds;
mod braces;
mod decode;
mod file;
mod global;
mod line;

use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::global::GlobalDefs;
use self::line::is_include;
use super::diagnostic::Diagnostics;
use super::expand::{self, Environment, Expander};
use super::keywords::Strictness;
use super::lexer::after_blanks;
use super::source::Source;
use super::text::{FileId, Sources, Span, length};

/// Bytes of all texts together. 40 000 real servers with their checks take about 16 MB.
pub(crate) const MAX_BYTES: usize = 64 << 20;

/// Files of one configuration, counting repeats: two includes in each of 30 files would
/// otherwise ask for 2^30.
pub(crate) const MAX_FILES: usize = 10_000;

/// Files that include each other in a row.
pub(crate) const MAX_DEPTH: usize = 32;

/// A run of lines of one file with nothing from another file in between.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Segment {
    /// The file.
    pub(crate) file: FileId,
    /// First byte.
    pub(crate) start: u32,
    /// Byte behind the last one.
    pub(crate) end: u32,
    /// Whether the file ends here.
    pub(crate) ends_file: bool,
}

/// Reads `path` and its includes.
pub(crate) fn read(
    source: &dyn Source,
    path: &Path,
    environment: &Environment,
    diagnostics: &mut Diagnostics,
) -> (Sources, Vec<Segment>) {
    let mut reader = Reader {
        source,
        diagnostics,
        sources: Sources::default(),
        segments: Vec::new(),
        chain: Vec::new(),
        bytes_left: MAX_BYTES,
        files: 0,
        stopped: false,
        strictness: Strictness::default(),
        global_defs: GlobalDefs::default(),
        environment,
        expander: Expander::new(environment),
    };
    reader.main_file(path);
    (reader.sources, reader.segments)
}

struct Reader<'a> {
    source: &'a dyn Source,
    diagnostics: &'a mut Diagnostics,
    sources: Sources,
    segments: Vec<Segment>,
    /// The files that are being read, outermost first: name and identity.
    chain: Vec<(PathBuf, PathBuf)>,
    bytes_left: usize,
    files: usize,
    stopped: bool,
    /// What plain `include` insists on.
    strictness: Strictness,
    /// Where `include_check` may stand.
    global_defs: GlobalDefs,
    environment: &'a Environment,
    /// Knows the variables that were defined so far.
    expander: Expander<'a>,
}

impl Reader<'_> {
    fn lines_of(
        &mut self,
        (path, identity): (PathBuf, PathBuf),
        text: &Arc<String>,
        replaced: Option<Vec<u32>>,
        included_from: Option<Span>,
    ) {
        let file = self
            .sources
            .add(path.clone(), Arc::clone(text), included_from);
        if let Some(own) = replaced {
            self.sources.note_replaced(file, own);
        }
        self.chain.push((path, identity));
        // What a file changes of this ends with it.
        let strictness = self.strictness;
        let mut start = 0;
        let mut offset = 0;
        for line in text.split_inclusive('\n') {
            let here = offset;
            offset += length(line);
            let place = Span {
                file,
                start: here,
                end: offset,
            };
            let held = expand::held(line, &self.environment.config_id);
            if let Some(within) = held.and_then(|held| self.global_defs.line(place, held)) {
                self.include_check(within);
            }
            let Some(code) = self.concerned(line) else {
                continue;
            };
            let span = Span {
                file,
                start: offset - length(code),
                end: offset,
            };
            if expand::is_definition(code) {
                // Only the variable is wanted: the lexer meets the line again.
                let _nothing_to_read = self.expand(span, code);
                continue;
            }
            if !is_include(code) {
                continue;
            }
            self.segment(file, start..here, false);
            start = offset;
            self.include_line(span, code);
        }
        self.segment(file, start..length(text), true);
        self.strictness = strictness;
        self.chain.pop();
    }

    fn segment(&mut self, file: FileId, lines: Range<u32>, ends_file: bool) {
        self.segments.push(Segment {
            file,
            start: lines.start,
            end: lines.end,
            ends_file,
        });
    }

    /// What of a line may concern includes: an include, or the definition of a variable, behind
    /// conditions that hold.
    fn concerned<'t>(&self, line: &'t str) -> Option<&'t str> {
        let is_concerned = |line: &str| {
            let line = after_blanks(line);
            line.starts_with("include") || line.starts_with('$')
        };
        if !after_blanks(line).starts_with('@') {
            return Some(line).filter(|line| is_concerned(line));
        }
        expand::held(line, &self.environment.config_id).filter(|line| is_concerned(line))
    }

    /// The text of a line without its variables; `None`: it has none.
    fn expand(&mut self, span: Span, code: &str) -> Option<String> {
        let line = self
            .expander
            .line(span, code, &self.sources, self.diagnostics);
        match line {
            expand::Line::Untouched | expand::Line::Gone => None,
            expand::Line::Lines(lines) => lines.first().map(|line| line.text().to_owned()),
        }
    }
}

#[cfg(test)]
mod tests;
