//! A line for the operator, made by a pure core and written by whoever drives it.

use tracing::{info, warn};

/// One log line. The text is keepalived's where keepalived has one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LogLine {
    /// Things go as they should, or well again.
    Info(String),
    /// Somebody may want to look.
    Warn(String),
}

impl LogLine {
    /// The text alone.
    #[must_use]
    pub fn text(&self) -> &str {
        match self {
            Self::Info(text) | Self::Warn(text) => text,
        }
    }

    /// Writes the line to the log.
    pub fn write(&self) {
        match self {
            Self::Info(text) => info!("{text}"),
            Self::Warn(text) => warn!("{text}"),
        }
    }
}
