//! The kinds of remarks, each with a name that does not change.

use serde::{Serialize, Serializer};

/// What kind of remark a diagnostic is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Code {
    /// The file asked for cannot be used at all.
    NoConfiguration,
    /// The texts together pass a limit; what was read is not the whole configuration.
    TooLarge,
    /// An included file cannot be read.
    CannotInclude,
    /// A strict include does not find, or cannot read, what it asks for.
    StrictInclude,
    /// An include pattern that matches nothing.
    NoMatch,
    /// A file includes itself, perhaps over others.
    IncludeCycle,
    /// A file with an execute bit: keepalived skips it, and so do we.
    ExecutableFile,
    /// Bytes that are no text.
    NotText,
    /// Bytes of a word that are no UTF-8.
    NotUtf8,
    /// A line that is longer than keepalived reads.
    LongLine,
    /// Blanks that are none for keepalived.
    OddBlank,
    /// A quote without its end.
    UnterminatedQuote,
    /// Braces that do not match.
    Brace,
    /// A variable or a sequence that cannot be expanded.
    Macro,
    /// A word that no keyword table has.
    UnknownKeyword,
    /// A keyword in a block where it does not belong.
    Misplaced,
    /// A keyword without its argument.
    MissingParameter,
    /// A block keyword without `{`, or `{` behind one that has no block.
    BlockExpected,
    /// Words behind the last argument.
    ExtraWords,
    /// A value that cannot be what it should.
    BadValue,
    /// The same keyword, address or peer twice in one block.
    Repeated,
    /// Known, and without effect here by design.
    Accepted,
    /// Asked for and not to be had here; whatever needs it is left out, or goes on without.
    NotSupported,
    /// An old word, with the effect of the new one.
    Deprecated,
    /// Something without which a block cannot be used.
    MissingSetting,
    /// A name that stands for nothing, or for something that is left out.
    Reference,
    /// The same thing defined twice.
    Duplicate,
    /// Two instances that would take each other's adverts for their own.
    DuplicateVrid,
    /// IPv4 where IPv6 stands, or the other way round.
    WrongFamily,
    /// A value that was changed so that it fits the others.
    Adjusted,
    /// A block that is left out since nothing of use is in it.
    LeftOut,
    /// A default that surprises people.
    Surprising,
    /// More than the data plane can hold.
    Capacity,
    /// A program that is not there, or that its user may not run.
    Script,
    /// Scripts run without `enable_script_security`.
    ScriptSecurity,
    /// An interface that this host does not have.
    MissingInterface,
    /// A file that cannot be read, or has nothing of what it should have.
    UnusableFile,
    /// There were more remarks than are shown.
    More,
}

impl Code {
    /// The name in messages, JSON and scripts.
    pub fn slug(self) -> &'static str {
        match self {
            Self::NoConfiguration => "no-configuration",
            Self::TooLarge => "too-large",
            Self::CannotInclude => "cannot-include",
            Self::StrictInclude => "strict-include",
            Self::NoMatch => "no-match",
            Self::IncludeCycle => "include-cycle",
            Self::ExecutableFile => "executable-file",
            Self::NotText => "not-text",
            Self::NotUtf8 => "not-utf-8",
            Self::LongLine => "long-line",
            Self::OddBlank => "odd-blank",
            Self::UnterminatedQuote => "unterminated-quote",
            Self::Brace => "brace",
            Self::Macro => "macro",
            Self::UnknownKeyword => "unknown-keyword",
            Self::Misplaced => "misplaced",
            Self::MissingParameter => "missing-parameter",
            Self::BlockExpected => "block-expected",
            Self::ExtraWords => "extra-words",
            Self::BadValue => "bad-value",
            Self::Repeated => "repeated",
            Self::Accepted => "accepted",
            Self::NotSupported => "not-supported",
            Self::Deprecated => "deprecated",
            Self::MissingSetting => "missing-setting",
            Self::Reference => "reference",
            Self::Duplicate => "duplicate",
            Self::DuplicateVrid => "duplicate-vrid",
            Self::WrongFamily => "wrong-family",
            Self::Adjusted => "adjusted",
            Self::LeftOut => "left-out",
            Self::Surprising => "surprising",
            Self::Capacity => "capacity",
            Self::Script => "script",
            Self::ScriptSecurity => "script-security",
            Self::MissingInterface => "missing-interface",
            Self::UnusableFile => "unusable-file",
            Self::More => "more",
        }
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.slug())
    }
}
