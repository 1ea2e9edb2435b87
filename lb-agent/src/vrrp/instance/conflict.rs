//! Two routers that both own the addresses (priority 255). RFC 3768 has no answer; keepalived's:
//! the one at the lower address yields as between equals, and if it does not, the other one does.

use std::time::Instant;

use crate::vrrp::timers::Timers;

/// The conflict a master is in, if any.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Conflict {
    heard: Option<Heard>,
}

#[derive(Clone, Copy, Debug)]
struct Heard {
    first: Instant,
    last: Instant,
}

/// What one more advert of the other owner means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The first: say so.
    New,
    /// It may still yield.
    Known,
    /// It had its time.
    Unresolved,
}

impl Conflict {
    /// An advert of the other owner has come. It has the time of two of our adverts and 1.2
    /// intervals to yield: one may be lost, and it may be about to send when ours arrives.
    pub(super) fn hear(&mut self, timers: &Timers, now: Instant) -> Verdict {
        let grace = timers.adver_int * 2 + timers.adver_int * 6 / 5;
        let forgotten = timers.adver_int * u32::from(timers.down_timer_adverts);
        match &mut self.heard {
            Some(heard) if now.duration_since(heard.last) <= forgotten => {
                heard.last = now;
                if now.duration_since(heard.first) > grace {
                    Verdict::Unresolved
                } else {
                    Verdict::Known
                }
            }
            None | Some(_) => {
                self.heard = Some(Heard {
                    first: now,
                    last: now,
                });
                Verdict::New
            }
        }
    }
}
