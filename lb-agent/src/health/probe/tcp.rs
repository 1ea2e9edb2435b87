//! `TCP_CHECK`: the connection is the answer.

use super::ProbeResult;
use super::connect::connect;
use crate::config::model::Checker;

/// Connects and closes.
pub async fn probe(checker: &Checker) -> ProbeResult {
    match connect(checker).await {
        Ok(_stream) => ProbeResult::Success,
        Err(end) => end,
    }
}

#[cfg(test)]
mod tests;
