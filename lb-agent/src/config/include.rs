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
mod line;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use self::decode::{Content, decode};
use self::line::{is_include, is_include_check};
use super::diagnostic::{Code, Diagnostic, Diagnostics};
use super::expand::{self, Environment, Expander};
use super::keywords::Strictness;
use super::lexer::after_blanks;
use super::source::{ReadError, Source};
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
    environment: &'a Environment,
    /// Knows the variables that were defined so far.
    expander: Expander<'a>,
}

impl Reader<'_> {
    fn main_file(&mut self, path: &Path) {
        let shown = path.display();
        let (code, problem, help) = match self.source.read(path, self.bytes_left) {
            Ok(raw) if raw.executable => (
                Code::NoConfiguration,
                format!("`{shown}` has an execute bit: keepalived skips such a file"),
                format!("`chmod a-x {shown}`"),
            ),
            Ok(raw) => {
                self.bytes_left -= raw.bytes.len().min(self.bytes_left);
                match decode(raw.bytes) {
                    Content::Text(text) => {
                        return self.lines_of(path.to_owned(), raw.identity, &text, None);
                    }
                    Content::Junk(why) => (
                        Code::NoConfiguration,
                        format!("`{shown}` does not look like a configuration file: {why}"),
                        "keepalived.conf is plain text, in UTF-8 or ASCII".to_owned(),
                    ),
                }
            }
            Err(error) => {
                let code = match error {
                    ReadError::TooLarge { .. } => Code::TooLarge,
                    ReadError::Missing
                    | ReadError::Directory
                    | ReadError::NotRegular
                    | ReadError::Denied
                    | ReadError::Io(_) => Code::NoConfiguration,
                };
                let help = "name a readable file with `--config FILE`".to_owned();
                (
                    code,
                    format!("cannot read the configuration file `{shown}`: {error}"),
                    help,
                )
            }
        };
        self.diagnostics
            .push(Diagnostic::without_place(code, problem).help(help));
    }

    fn lines_of(
        &mut self,
        path: PathBuf,
        identity: PathBuf,
        text: &Arc<String>,
        included_from: Option<Span>,
    ) {
        let file = self
            .sources
            .add(path.clone(), Arc::clone(text), included_from);
        self.chain.push((path, identity));
        let mut start = 0;
        let mut offset = 0;
        for line in text.split_inclusive('\n') {
            let here = offset;
            offset += length(line);
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
            if is_include_check(code) {
                self.include_check(code);
            }
            if !is_include(code) {
                continue;
            }
            let segment = Segment {
                file,
                start,
                end: here,
                ends_file: false,
            };
            self.segments.push(segment);
            start = offset;
            self.include_line(span, code);
        }
        self.segments.push(Segment {
            file,
            start,
            end: length(text),
            ends_file: true,
        });
        self.chain.pop();
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

    fn included_file(&mut self, path: PathBuf, span: Span, strictness: Strictness) {
        if self.stopped || !self.admits_another(span) {
            return;
        }
        let shown = path.display();
        let problem = match self.source.read(&path, self.bytes_left) {
            Ok(raw) if raw.executable => {
                let message =
                    format!("`{shown}` is skipped, as keepalived does: it has an execute bit");
                Diagnostic::error(Code::ExecutableFile, span, message).help(format!(
                    "`chmod a-x {shown}` if it belongs to the configuration"
                ))
            }
            Ok(raw) if self.is_open(&raw.identity) => self.cycle(&path, &raw.identity, span),
            Ok(raw) => {
                self.bytes_left -= raw.bytes.len().min(self.bytes_left);
                match decode(raw.bytes) {
                    Content::Text(text) => {
                        return self.lines_of(path, raw.identity, &text, Some(span));
                    }
                    Content::Junk(why) => {
                        let message =
                            format!("`{shown}` does not look like a configuration file: {why}");
                        Diagnostic::error(Code::NotText, span, message)
                    }
                }
            }
            Err(error @ ReadError::TooLarge { .. }) => {
                self.stopped = true;
                let message = format!("cannot include `{shown}`: {error}");
                Diagnostic::error(Code::TooLarge, span, message)
            }
            Err(ReadError::Directory) if !strictness.readable => {
                let message = format!("`{shown}` is a directory and is skipped");
                Diagnostic::warning(Code::CannotInclude, span, message)
                    .help(format!("`include {shown}/*.conf` reads the files in it"))
            }
            Err(error) => {
                let message = format!("cannot include `{shown}`: {error}");
                Diagnostic::error(Code::CannotInclude, span, message)
            }
        };
        self.diagnostics.push(problem);
    }

    fn is_open(&self, identity: &Path) -> bool {
        self.chain.iter().any(|(_, open)| open == identity)
    }
}

#[cfg(test)]
mod tests;
