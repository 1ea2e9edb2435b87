//! One file: read, looked at, and taken line by line or refused.

use std::path::{Path, PathBuf};

use super::Reader;
use super::decode::{Content, decode};
use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::keywords::Strictness;
use crate::config::source::ReadError;
use crate::config::text::Span;

impl Reader<'_> {
    /// The file that was asked for: without it there is nothing.
    pub(super) fn main_file(&mut self, path: &Path) {
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
                    Content::Text(text, replaced) => {
                        let file = (path.to_owned(), raw.identity);
                        return self.lines_of(file, &text, replaced, None);
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

    /// A file that a line names, or one of those that match its pattern.
    pub(super) fn included_file(&mut self, path: PathBuf, span: Span, strictness: Strictness) {
        if self.stopped || !self.admits_another(span) {
            return;
        }
        let shown = path.display();
        let problem = match self.source.read(&path, self.bytes_left) {
            Ok(raw) if raw.executable => {
                let message =
                    format!("`{shown}` is skipped, as keepalived does: it has an execute bit");
                let help = format!("`chmod a-x {shown}` if it belongs to the configuration");
                unreadable(Code::ExecutableFile, span, message, strictness).help(help)
            }
            Ok(raw) if self.is_open(&raw.identity) => self.cycle(&path, &raw.identity, span),
            Ok(raw) => {
                self.bytes_left -= raw.bytes.len().min(self.bytes_left);
                match decode(raw.bytes) {
                    Content::Text(text, replaced) => {
                        return self.lines_of((path, raw.identity), &text, replaced, Some(span));
                    }
                    Content::Junk(why) => {
                        let message =
                            format!("`{shown}` does not look like a configuration file: {why}");
                        Diagnostic::error(Code::NotText, span, message)
                    }
                }
            }
            Err(error) => {
                self.stopped |= matches!(error, ReadError::TooLarge { .. });
                cannot_include(&path, &error, strictness, span)
            }
        };
        self.diagnostics.push(problem);
    }

    fn is_open(&self, identity: &Path) -> bool {
        self.chain.iter().any(|(_, open)| open == identity)
    }
}

fn cannot_include(
    path: &Path,
    error: &ReadError,
    strictness: Strictness,
    span: Span,
) -> Diagnostic {
    let shown = path.display();
    let message = format!("cannot include `{shown}`: {error}");
    match error {
        ReadError::TooLarge { .. } => Diagnostic::error(Code::TooLarge, span, message),
        ReadError::Directory => {
            let message = format!("`{shown}` is a directory and is skipped");
            let skipped = if strictness.wants_readable() {
                Diagnostic::error(Code::StrictInclude, span, message)
            } else {
                Diagnostic::warning(Code::CannotInclude, span, message)
            };
            skipped.help(format!("`include {shown}/*.conf` reads the files in it"))
        }
        ReadError::Missing | ReadError::NotRegular | ReadError::Denied | ReadError::Io(_) => {
            unreadable(Code::CannotInclude, span, message, strictness)
        }
    }
}

/// A file that is there and is not read: an error that a reload does not take, and what a strict
/// include insists on.
fn unreadable(code: Code, span: Span, message: String, strictness: Strictness) -> Diagnostic {
    let code = if strictness.wants_readable() {
        Code::StrictInclude
    } else {
        code
    };
    Diagnostic::error(code, span, message)
}
