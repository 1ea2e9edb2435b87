//! The configuration: from the text of keepalived.conf to a typed value.
//!
//! ```text
//! source ─▶ include ─▶ lexer ─▶ tree ─▶ lower ─▶ resolve ─▶ validate ─▶ model
//! bytes     texts,     words,   blocks  drafts   defaults,  nothing     Config
//!           order      braces           (typed)  inherited  twice
//!                      ▲ expand: macros
//! ```
//!
//! No stage fails: each gives the best value it can and remarks about the rest, with places. The
//! keyword tables (`keywords`) say what each stage from `lower` on knows.
//!
//! **Architecture invariants.** Nothing here opens a socket, asks the kernel or reads a clock;
//! files are read over [`Source`] only. No input makes it panic, and memory is bounded by the
//! limits of `include` and `lexer`. Whether an interface exists is not known here: that is
//! the business of those who use it.

mod diagnostic;
pub mod diff;
mod draft;
mod expand;
mod explain;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod hash;
mod include;
mod keywords;
mod lexer;
mod lower;
mod mention;
pub mod model;
mod render;
mod report;
mod resolve;
mod source;
mod status;
mod suggest;
mod text;
mod tree;
mod validate;
mod value;

use std::path::Path;

pub use diagnostic::{Code, Diagnostic, Related, Severity};
pub use diff::{Changes, diff};
pub use expand::Environment;
pub use explain::explain;
pub use keywords::{KeywordNames, configuration_md, keyword_md, keywords_json};
pub use mention::{Mentions, NamedInterface};
pub use render::render;
pub use report::{Entry, IncludedFrom, Place, RelatedPlace, report};
pub use source::{FileSystem, Memory, PatternError, RawFile, ReadError, Source};
pub use text::{FileId, Location, SourceFile, Sources, Span, Spanned};

use self::diagnostic::Diagnostics;
use self::explain::Origins;
use self::lexer::Lexer;
use self::model::Config;
use self::status::Verdict;
use self::tree::Tree;

/// A configuration, what there is to say about it, and the texts it came from.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration, as far as it was understood.
    pub config: Config,
    /// All remarks, by file and place.
    pub diagnostics: Vec<Diagnostic>,
    /// The texts.
    pub sources: Sources,
    /// Where programs and interfaces are named.
    pub mentions: Mentions,
    verdict: Verdict,
    /// Only for [`explain`].
    origins: Option<Origins>,
}

impl Loaded {
    /// Whether the configuration must not be run: [`Self::exit_status`] is 2 or 4.
    pub fn is_fatal(&self) -> bool {
        self.verdict.is_fatal()
    }

    /// The exit status of a check, with keepalived's numbers.
    ///
    /// | status | means | comes from |
    /// | ---: | --- | --- |
    /// | 0 | fine | nothing, or only warnings and notices about lines that were understood |
    /// | 2 | refused | a keyword without its argument, where keepalived stops as well |
    /// | 4 | cannot run | no readable text, not all of it, or one VRID twice on an interface |
    /// | 5 | runs, with faults | any other error, or a line that was not understood |
    /// | 6 | runs scripts | scripts without `enable_script_security` (only from [`Self::add`]), or a strict include without its file |
    ///
    /// Of several the first of 2, 4, 6, 5, 0 counts, as with keepalived.
    pub fn exit_status(&self) -> u8 {
        self.verdict.exit_status()
    }

    /// Adds what the host has to say: the file alone does not tell whether a program or an
    /// interface is there.
    pub fn add(&mut self, remarks: impl IntoIterator<Item = Diagnostic>) {
        let mut more = Diagnostics::default();
        for remark in remarks {
            more.push(remark);
        }
        self.verdict = self.verdict.max(more.verdict());
        self.diagnostics.extend(more.finish(&self.sources));
        diagnostic::sort(&mut self.diagnostics);
    }
}

/// Reads the configuration at `path` with all that it includes. Never fails: whatever is wrong
/// stands in the remarks.
///
/// Macros see an empty environment: see [`load_in`].
pub fn load(source: &dyn Source, path: &Path) -> Loaded {
    load_in(source, path, &Environment::default())
}

/// The same, with what macros can ask for.
pub fn load_in(source: &dyn Source, path: &Path, environment: &Environment) -> Loaded {
    read(source, path, environment, false)
}

/// The same, remembering where every value comes from, for [`explain`].
pub fn load_explained(source: &dyn Source, path: &Path, environment: &Environment) -> Loaded {
    read(source, path, environment, true)
}

fn read(source: &dyn Source, path: &Path, environment: &Environment, explained: bool) -> Loaded {
    let mut diagnostics = Diagnostics::default();
    let (sources, segments) = include::read(source, path, environment, &mut diagnostics);
    let mut lexer = Lexer::new(&sources, segments, environment, &mut diagnostics);
    let (draft, mentions) = lower::lower(Tree::new(&mut lexer), explained);
    let origins = explained.then(|| Origins::of(&draft));
    let (config, left_out) = resolve::resolve(draft, &mut diagnostics);
    let origins = origins.map(|origins| origins.without(left_out));
    let verdict = diagnostics.verdict();
    let diagnostics = diagnostics.finish(&sources);
    Loaded {
        config,
        diagnostics,
        sources,
        mentions,
        verdict,
        origins,
    }
}

#[cfg(test)]
mod tests;
