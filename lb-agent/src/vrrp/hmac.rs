//! Sequence numbers of `auth_hmac`: ours, and those of the others.
//!
//! A number is the time of day, in 65536ths of a second, and a counter below. So whoever starts
//! anew goes on above what it has sent before, without having written anything down, and an old
//! advert is known by its age. The trailer itself is [`crate::wire::hmac`]'s.

use std::net::IpAddr;
use std::time::Duration;

use crate::config::model::{AuthHmac, HmacReplay};

/// So many senders are remembered: more than one only when masters contend.
const SENDERS: usize = 4;

/// A time of day as a sequence number.
pub fn sequence_of(since_1970: Duration) -> u64 {
    let fraction = (u64::from(since_1970.subsec_nanos()) << 16) / 1_000_000_000;
    (since_1970.as_secs() << 32) | (fraction << 16)
}

/// Whether `later` comes after `earlier`: numbers may come round (RFC 1982).
const fn is_after(later: u64, earlier: u64) -> bool {
    later.wrapping_sub(earlier).cast_signed() > 0
}

/// How many seconds `sequence` lies before the time of day; negative: ahead of it.
pub fn age(sequence: u64, since_1970: Duration) -> i64 {
    let seconds = |sequence: u64| u32::try_from(sequence >> 32).unwrap_or(0);
    // 32 bits of seconds come round: the nearer way.
    let difference = seconds(sequence_of(since_1970)).wrapping_sub(seconds(sequence));
    i64::from(difference.cast_signed())
}

/// Whether a number of this age is one of the present.
pub const fn is_within(age: i64, window: Duration) -> bool {
    age.unsigned_abs() <= window.as_secs()
}

/// Whether an advert of this number may follow the last one of the same sender.
pub fn is_new(config: &AuthHmac, last: Option<u64>, sequence: u64, since_1970: Duration) -> bool {
    last.is_none_or(|last| {
        // What lies outside the window guards nothing any more: a sender whose clock was mended
        // may begin anew.
        let outdated = config.anti_replay == HmacReplay::Time
            && !is_within(age(last, since_1970), config.time_window);
        outdated || is_after(sequence, last)
    })
}

/// What we have sent and heard.
#[derive(Clone, Debug, Default)]
pub struct Sequences {
    sent: Option<u64>,
    /// The last to have been heard is the last.
    heard: Vec<(IpAddr, u64)>,
}

impl Sequences {
    /// The number of the next advert: the time, or the last number and one where the clock has
    /// not moved. A clock that was set back further than the window is followed: the others would
    /// drop what comes from their future.
    pub fn next(&mut self, config: &AuthHmac, since_1970: Duration) -> u64 {
        let now = sequence_of(since_1970);
        let next = match self.sent {
            Some(sent) if !is_after(now, sent) => {
                let stranded = config.anti_replay == HmacReplay::Time
                    && !is_within(age(sent, since_1970), config.time_window);
                if stranded { now } else { sent.wrapping_add(1) }
            }
            Some(_) | None => now,
        };
        self.sent = Some(next);
        next
    }

    /// The last number of this sender.
    pub fn last_of(&self, source: IpAddr) -> Option<u64> {
        let known = self.heard.iter().find(|(known, _)| *known == source);
        known.map(|(_, sequence)| *sequence)
    }

    /// An advert of this number was good. Not to be said of what is not signed: a forged number
    /// would shut the sender out.
    pub fn note(&mut self, source: IpAddr, sequence: u64) {
        self.heard.retain(|(known, _)| *known != source);
        if self.heard.len() >= SENDERS {
            self.heard.remove(0);
        }
        self.heard.push((source, sequence));
    }
}

#[cfg(test)]
mod tests;
