//! What there is to say about a configuration: one value for each remark, and the list of them.
//!
//! How they look is the business of [`super::render`], what they mean for the exit status of
//! [`super::status`].

mod code;
mod list;

pub use code::Code;
pub(crate) use list::{Diagnostics, FOR_MACHINES, FOR_PEOPLE, sort};

use serde::Serialize;

use super::text::Span;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something that was asked for will not be there.
    Error,
    /// It works, but perhaps not as it was meant.
    Warning,
    /// Good to know.
    Notice,
}

impl Severity {
    /// The word in front of a message.
    pub fn word(self) -> &'static str {
        match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Notice => "notice",
        }
    }
}

/// One remark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// What kind of remark: stable, for machines.
    pub code: Code,
    /// The place; `None` when there is no file to show.
    pub span: Option<Span>,
    /// What is the matter, in one sentence.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
    /// Other places that have to do with it.
    pub related: Vec<Related>,
    /// Where the same holds again, of a word that stands in many places: the first thousand.
    pub repeats: Vec<Span>,
}

/// Another place that has to do with a remark.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Related {
    /// The place.
    pub span: Span,
    /// What is there.
    pub message: String,
}

impl Diagnostic {
    /// An error at a place.
    pub fn error(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, Some(span), message)
    }

    /// A warning at a place.
    pub fn warning(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Warning, code, Some(span), message)
    }

    /// A notice at a place.
    pub fn notice(code: Code, span: Span, message: impl Into<String>) -> Self {
        Self::new(Severity::Notice, code, Some(span), message)
    }

    /// An error without a place.
    pub fn without_place(code: Code, message: impl Into<String>) -> Self {
        Self::new(Severity::Error, code, None, message)
    }

    fn new(severity: Severity, code: Code, span: Option<Span>, message: impl Into<String>) -> Self {
        Self {
            severity,
            code,
            span,
            message: message.into(),
            help: None,
            related: Vec::new(),
            repeats: Vec::new(),
        }
    }

    /// Adds what to do about it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Adds what to do about it, if anything is known.
    #[must_use]
    pub fn maybe_help(self, help: Option<String>) -> Self {
        Self {
            help: help.or(self.help),
            ..self
        }
    }

    /// Adds another place.
    #[must_use]
    pub fn related(mut self, span: Span, message: impl Into<String>) -> Self {
        self.related.push(Related {
            span,
            message: message.into(),
        });
        self
    }
}
