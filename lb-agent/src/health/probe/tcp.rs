//! `TCP_CHECK`: the connection is the answer.

use super::ProbeResult;
use super::connect::connect;
use crate::health::spec::Target;

/// Connects and closes.
pub async fn probe(target: &Target) -> ProbeResult {
    match connect(target).await {
        Ok(_stream) => ProbeResult::Success,
        Err(end) => end,
    }
}

#[cfg(test)]
mod tests;
