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
mod trace;
mod tree;
mod validate;
mod value;

use std::path::Path;

pub use diagnostic::{Code, Diagnostic, Related, Severity};
pub use diff::{Changes, diff};
pub use expand::Environment;
pub use explain::explain;
pub(crate) use explain::schedules;
pub use keywords::{KeywordNames, configuration_md, keyword_md, keywords_json};
pub use mention::{Mentions, NamedInterface};
pub use render::render;
pub use report::{Entry, IncludedFrom, Place, RelatedPlace, report};
pub use source::{FileSystem, Memory, PatternError, RawFile, ReadError, Source};
pub use text::{FileId, Location, SourceFile, Sources, Span, Spanned};

use self::diagnostic::{Diagnostics, FOR_MACHINES, FOR_PEOPLE};
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
    contradictory: bool,
    /// Remarks of one severity in one file that are kept.
    most: usize,
    /// Only for [`explain`].
    origins: Option<Origins>,
}

impl Loaded {
    /// Whether the configuration must not be run: [`Self::exit_status`] is 2 or 4, or one VRID stands
    /// twice on an interface, which is one of the faults of 5.
    pub fn is_fatal(&self) -> bool {
        self.contradictory || self.verdict.is_fatal()
    }

    /// Whether something that was asked for will be missing, or may be dangerous. A setting that does
    /// not go with others and was mended is no such fault, though [`Self::exit_status`] is 5 as well.
    pub fn is_faulty(&self) -> bool {
        self.verdict.is_faulty()
    }

    /// The exit status of a check, with keepalived's numbers.
    ///
    /// | status | means | comes from |
    /// | ---: | --- | --- |
    /// | 0 | fine | nothing, or only what has no effect here or may surprise |
    /// | 2 | refused | a keyword without its argument, where keepalived stops as well |
    /// | 4 | cannot run | no readable text, or not all of it |
    /// | 5 | runs, with faults | any other error, a line that was not understood, or one that was mended or left out; also one VRID twice on an interface, with which nothing runs, whatever the status |
    /// | 6 | runs scripts | scripts without `enable_script_security` (only from [`Self::add`]), or a strict include without its file |
    ///
    /// Of several the first of 2, 4, 6, 5, 0 counts, as with keepalived.
    pub fn exit_status(&self) -> u8 {
        self.verdict.exit_status()
    }

    /// Adds what the host has to say: the file alone does not tell whether a program or an
    /// interface is there.
    pub fn add(&mut self, remarks: impl IntoIterator<Item = Diagnostic>) {
        let mut more = Diagnostics::keeping(self.most);
        for remark in remarks {
            more.push(remark);
        }
        self.verdict = self.verdict.max(more.verdict());
        self.contradictory |= more.is_contradictory();
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
    read(source, path, environment, false, FOR_PEOPLE)
}

/// The same, remembering where every value comes from, for [`explain`].
pub fn load_explained(source: &dyn Source, path: &Path, environment: &Environment) -> Loaded {
    read(source, path, environment, true, FOR_PEOPLE)
}

/// The same for programs, which want every remark: thousands of a file, where people are shown fifty
/// errors, fifty warnings and fifty notices of it.
pub fn load_for_machines(
    source: &dyn Source,
    path: &Path,
    environment: &Environment,
    explained: bool,
) -> Loaded {
    read(source, path, environment, explained, FOR_MACHINES)
}

fn read(
    source: &dyn Source,
    path: &Path,
    environment: &Environment,
    explained: bool,
    most: usize,
) -> Loaded {
    let mut diagnostics = Diagnostics::keeping(most);
    let (sources, segments) = include::read(source, path, environment, &mut diagnostics);
    let mut lexer = Lexer::new(&sources, segments, environment, &mut diagnostics);
    let (draft, mentions) = lower::lower(Tree::new(&mut lexer), explained);
    let origins = explained.then(|| Origins::of(&draft));
    let (config, trace) = resolve::resolve(draft, &mut diagnostics);
    let origins = origins.map(|origins| origins.with(trace));
    let verdict = diagnostics.verdict();
    let contradictory = diagnostics.is_contradictory();
    let diagnostics = diagnostics.finish(&sources);
    Loaded {
        config,
        diagnostics,
        sources,
        mentions,
        verdict,
        contradictory,
        most,
        origins,
    }
}

#[cfg(test)]
mod tests;
