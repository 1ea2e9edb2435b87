//! Scripts that were killed and are still there: started again and again, they would become more with
//! every check for as long as a disk hangs.

use std::collections::HashSet;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use super::Script;

static STUCK: LazyLock<Mutex<HashSet<Script>>> = LazyLock::new(Mutex::default);

/// Whether an earlier run of `script` could not be ended.
pub(super) fn is_there(script: &Script) -> bool {
    all().contains(script)
}

/// One that could not be ended; dropped when it is gone.
pub(super) struct Stuck(Script);

impl Stuck {
    pub(super) fn new(script: Script) -> Self {
        all().insert(script.clone());
        Self(script)
    }
}

impl Drop for Stuck {
    fn drop(&mut self) {
        all().remove(&self.0);
    }
}

fn all() -> MutexGuard<'static, HashSet<Script>> {
    STUCK.lock().unwrap_or_else(PoisonError::into_inner)
}
