//! What an operator sets by hand at run time.

use serde::{Deserialize, Serialize};

/// Stands above the configured weight and what checkers say, until it is cleared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Hand {
    /// `drain`: no new connections, old ones go on.
    Drain,
    /// `weight N`.
    Weight(u32),
}

impl Hand {
    /// The weight that it means.
    #[must_use]
    pub const fn weight(self) -> u32 {
        match self {
            Self::Drain => 0,
            Self::Weight(weight) => weight,
        }
    }
}
