//! `FILE_CHECK`: the number in a tracked file, read and weighed as [`crate::track::file`] has it.
//!
//! keepalived is told of a change by inotify; here the file is read once a second, which needs no
//! watch on folders that come and go, and holds for network file systems as well.

use tokio::time::timeout;

use super::{Failure, NotProbed, ProbeResult, Weight};
use crate::health::spec::{FileCheck, Target};
use crate::runtime::blocking;
use crate::track::file::{self, ServerEffect, Value};

/// Reads the file, within `connect_timeout`. One that hangs is not read a second time meanwhile.
pub async fn probe(target: &Target, check: &FileCheck) -> ProbeResult {
    let limit = target.connect_timeout;
    let path = check.file.clone();
    match timeout(
        limit,
        blocking::call(&check.file, move || file::read(&path)),
    )
    .await
    {
        Ok(Ok(Ok(value))) => judge(check, value),
        // As with `track_file`, it changes nothing.
        Ok(Ok(Err(number))) => ProbeResult::NotProbed(NotProbed::FileNumber(number)),
        Ok(Err(error)) => ProbeResult::NotProbed(NotProbed::Broken(error.to_string())),
        Err(_elapsed) => ProbeResult::Failed(Failure::FileHangs(limit)),
    }
}

/// What `value` comes to.
#[must_use]
pub fn judge(check: &FileCheck, value: Value) -> ProbeResult {
    match check.weight.server_effect(value) {
        ServerEffect::Down => ProbeResult::Failed(Failure::FileValue(value)),
        ServerEffect::Weight(more) => ProbeResult::Weighs(Weight::More(more.into())),
    }
}

#[cfg(test)]
mod tests;
