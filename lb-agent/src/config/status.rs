//! Exit status: what the remarks together mean for whoever called.
//!
//! keepalived's numbers (`keepalived -t`): what it reports of a line that both understand the same
//! way is a 5 here, too. What merely has no effect here, or works otherwise than one may think and
//! draws no word from keepalived, is no failure. The table of them stands at
//! [`super::Loaded::exit_status`].

use super::diagnostic::{Code, Diagnostic, Severity};

/// What a configuration is good for. Orders from good to bad.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// Fine.
    #[default]
    Fine,
    /// It runs as it is understood, with something mended that does not go together.
    Mended,
    /// It runs; something that was asked for will be missing.
    Faulty,
    /// It runs, with scripts that others may be able to change, or without a file that a strict
    /// include asks for. keepalived puts it above faults.
    Insecure,
    /// It cannot run.
    Unusable,
    /// It cannot run since an argument is missing: keepalived stops at such a line.
    Refused,
}

impl Verdict {
    /// What one remark means.
    pub(crate) fn of(diagnostic: &Diagnostic) -> Self {
        let or = |milder| match diagnostic.severity {
            Severity::Error => Self::Faulty,
            Severity::Warning => milder,
            Severity::Notice => Self::Fine,
        };
        match diagnostic.code {
            Code::MissingParameter => match diagnostic.severity {
                Severity::Error => Self::Refused,
                Severity::Warning | Severity::Notice => Self::Faulty,
            },
            Code::NoConfiguration | Code::TooLarge => Self::Unusable,
            Code::UnknownKeyword
            | Code::Misplaced
            | Code::BadValue
            | Code::BlockExpected
            | Code::Brace
            | Code::UnterminatedQuote
            | Code::NotText
            | Code::LongLine
            | Code::DuplicateVrid => Self::Faulty,
            Code::ScriptSecurity | Code::StrictInclude => Self::Insecure,
            // keepalived reports each of these.
            Code::MissingSetting
            | Code::Reference
            | Code::Duplicate
            | Code::WrongFamily
            | Code::Adjusted
            | Code::Deprecated
            | Code::LeftOut => or(Self::Mended),
            Code::CannotInclude
            | Code::NoMatch
            | Code::IncludeCycle
            | Code::ExecutableFile
            | Code::OddBlank
            | Code::NotUtf8
            | Code::ExtraWords
            | Code::Repeated
            | Code::Accepted
            | Code::NotSupported
            | Code::Macro
            | Code::Surprising
            | Code::Capacity
            | Code::Script
            | Code::UnusableFile
            | Code::MissingInterface
            | Code::More => or(Self::Fine),
        }
    }

    /// Whether nothing can be run. What [`is_contradiction`] names has the same effect under any verdict.
    pub(crate) fn is_fatal(self) -> bool {
        match self {
            Self::Fine | Self::Mended | Self::Insecure | Self::Faulty => false,
            Self::Unusable | Self::Refused => true,
        }
    }

    /// Whether something that was asked for will be missing, or may be dangerous.
    pub(crate) fn is_faulty(self) -> bool {
        match self {
            Self::Fine | Self::Mended => false,
            Self::Faulty | Self::Insecure | Self::Unusable | Self::Refused => true,
        }
    }

    /// The exit status.
    pub(crate) fn exit_status(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Insecure => 6,
            Self::Mended | Self::Faulty => 5,
            Self::Unusable => 4,
            Self::Refused => 2,
        }
    }
}

/// Whether nothing can be run though each line can be used: `keepalived -t` speaks of a fault, which
/// others may outweigh, and keepalived ends.
pub(crate) fn is_contradiction(diagnostic: &Diagnostic) -> bool {
    diagnostic.code == Code::DuplicateVrid
}
