//! Exit status: what the remarks together mean for whoever called.
//!
//! keepalived's numbers (`keepalived -t`), with one difference: what merely has no effect here,
//! or works otherwise than one may think, is no failure. The table of them stands at
//! [`super::Loaded::exit_status`].

use super::diagnostic::{Code, Diagnostic, Severity};

/// What a configuration is good for. Orders from good to bad.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Verdict {
    /// Fine.
    #[default]
    Fine,
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
        match diagnostic.code {
            Code::MissingParameter => match diagnostic.severity {
                Severity::Error => Self::Refused,
                Severity::Warning | Severity::Notice => Self::Faulty,
            },
            Code::NoConfiguration | Code::TooLarge | Code::DuplicateVrid => Self::Unusable,
            Code::UnknownKeyword
            | Code::Misplaced
            | Code::BadValue
            | Code::BlockExpected
            | Code::Brace
            | Code::UnterminatedQuote
            | Code::NotText
            | Code::LongLine => Self::Faulty,
            Code::ScriptSecurity | Code::StrictInclude => Self::Insecure,
            Code::CannotInclude
            | Code::NoMatch
            | Code::IncludeCycle
            | Code::ExecutableFile
            | Code::OddBlank
            | Code::ExtraWords
            | Code::Repeated
            | Code::Accepted
            | Code::NoEffectYet
            | Code::NotSupported
            | Code::MissingSetting
            | Code::Reference
            | Code::Macro
            | Code::Duplicate
            | Code::WrongFamily
            | Code::Adjusted
            | Code::LeftOut
            | Code::Surprising
            | Code::Capacity
            | Code::Script
            | Code::UnusableFile
            | Code::MissingInterface
            | Code::More => match diagnostic.severity {
                Severity::Error => Self::Faulty,
                Severity::Warning | Severity::Notice => Self::Fine,
            },
        }
    }

    /// Whether nothing can be run.
    pub(crate) fn is_fatal(self) -> bool {
        match self {
            Self::Fine | Self::Insecure | Self::Faulty => false,
            Self::Unusable | Self::Refused => true,
        }
    }

    /// The exit status.
    pub(crate) fn exit_status(self) -> u8 {
        match self {
            Self::Fine => 0,
            Self::Insecure => 6,
            Self::Faulty => 5,
            Self::Unusable => 4,
            Self::Refused => 2,
        }
    }
}
