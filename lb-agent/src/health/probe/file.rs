//! `FILE_CHECK`: the number in a tracked file.
//!
//! keepalived is told of a change by inotify; here the file is read once a second, which needs no
//! watch on folders that come and go, and holds for network file systems as well.

use std::fs::File;
use std::io::Read as _;
use std::path::Path;

use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::{Failure, NotProbed, ProbeResult, Weight};
use crate::health::spec::{FileCheck, Target};

/// Bytes of the file that are looked at.
const MAX_FILE: u64 = 128;

/// The product that means down (keepalived's `IPVS_WEIGHT_FAULT`).
const FAULT: i64 = -(1 << 31);

/// Reads the file, within `connect_timeout`.
pub async fn probe(target: &Target, check: &FileCheck) -> ProbeResult {
    let limit = target.connect_timeout;
    let path = check.file.clone();
    match timeout(limit, spawn_blocking(move || read(&path))).await {
        Ok(Ok(Ok(value))) => judge(check, value),
        Ok(Ok(Err(failure))) => ProbeResult::Failed(failure),
        Ok(Err(error)) => ProbeResult::NotProbed(NotProbed::Broken(error.to_string())),
        Err(_elapsed) => ProbeResult::Failed(Failure::NoAnswer(limit)),
    }
}

/// What `value` comes to.
#[must_use]
pub fn judge(check: &FileCheck, value: i64) -> ProbeResult {
    let product = i64::from(check.weight).saturating_mul(value);
    let product = if check.reverse {
        product.saturating_neg()
    } else {
        product
    };
    match (check.weight, value) {
        (0, 0) => ProbeResult::Success,
        (0, value) => ProbeResult::Failed(Failure::FileValue(value)),
        (_, value) if product <= FAULT => ProbeResult::Failed(Failure::FileValue(value)),
        (_, _) => ProbeResult::Weighs(Weight::More(product)),
    }
}

/// The number at the start of the file. A file that is empty, or not there, is 0, as in keepalived.
fn read(path: &Path) -> Result<i64, Failure> {
    let mut text = Vec::new();
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(Failure::File(error.to_string())),
    };
    let read = file.take(MAX_FILE).read_to_end(&mut text);
    read.map_err(|error| Failure::File(error.to_string()))?;
    let text = String::from_utf8_lossy(&text);
    match text.split_whitespace().next() {
        None => Ok(0),
        Some(word) => word
            .parse()
            .map_err(|error| Failure::File(format!("`{word}`: {error}"))),
    }
}

#[cfg(test)]
mod tests;
