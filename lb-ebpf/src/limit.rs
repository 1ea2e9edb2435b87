//! What the program does now and then only.

use crate::maps::ANSWERS;

/// Notes another of this CPU; `false`: there have been enough in this tick. `kind` is an index of
/// [`lb_common::answers`].
#[inline(always)]
pub(crate) fn within_limit(kind: u32, tick: u32) -> bool {
    let Some(answers) = ANSWERS.get_ptr_mut(kind) else {
        return false;
    };
    // SAFETY: the record is this CPU's own.
    let another = unsafe { *answers }.another(tick);
    if let Some(another) = another {
        // SAFETY: as above.
        unsafe { *answers = another };
    }
    another.is_some()
}
