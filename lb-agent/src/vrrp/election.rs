//! What an advert means to the one who hears it (RFC 3768 sections 6.4.2 and 6.4.3, with
//! keepalived's preemption rules). Only the decision; [`super::instance`] acts on it.

use std::cmp::Ordering;
use std::net::IpAddr;
use std::time::Duration;

use crate::wire::vrrp::{PRIORITY_OWNER, PRIORITY_RELEASE};

/// An acceptable advert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Advert {
    /// Who sent it.
    pub source: IpAddr,
    /// 1–255, or 0: the sender releases its duty.
    pub priority: u8,
    /// How often it advertises; in version 2 always as often as we.
    pub adver_int: Duration,
}

/// Whether a better master than the one heard may take over from it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preemption {
    /// At once: the lower advert does not count.
    Allowed,
    /// `nopreempt`: never.
    Forbidden,
    /// `preempt_delay` runs, or begins with this advert: not yet.
    Delayed,
}

/// What a BACKUP makes of an advert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InBackup {
    /// The master releases its duty: only the skew is left to wait (RFC 3768 6.4.2, priority 0).
    Released,
    /// There is a master: wait the whole master-down time again.
    Follow,
    /// There is a worse master: it is not followed, the time runs on.
    Discard,
}

/// RFC 3768 6.4.2. An equal priority is followed whatever the address: the address only decides
/// between two masters.
pub fn in_backup(advert: Advert, priority: u8, preemption: Preemption) -> InBackup {
    if advert.priority == PRIORITY_RELEASE {
        return InBackup::Released;
    }
    match preemption {
        Preemption::Forbidden | Preemption::Delayed => InBackup::Follow,
        Preemption::Allowed if advert.priority >= priority => InBackup::Follow,
        Preemption::Allowed => InBackup::Discard,
    }
}

/// What a MASTER makes of an advert.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum InMaster {
    /// Another router releases a duty it thought it had: ours goes on, and is said again.
    Released,
    /// Another master, worse than us: it must hear of us, and the network again where we are.
    Lower,
    /// Another master, better than us.
    Higher,
    /// Another master of our priority at a higher address.
    HigherAddress,
    /// Our own address and our priority: a copy of us, or our own packet come back.
    OurAddress,
}

/// RFC 3768 6.4.3. Preemption plays no part: two masters are one too many.
pub fn in_master(advert: Advert, priority: u8, source: Option<IpAddr>) -> InMaster {
    if advert.priority == PRIORITY_RELEASE {
        return InMaster::Released;
    }
    match advert.priority.cmp(&priority) {
        Ordering::Less => InMaster::Lower,
        Ordering::Greater => InMaster::Higher,
        // Addresses compare as numbers in network byte order, as their octets do. A master
        // always has an address; without one nobody is lower than us.
        Ordering::Equal => match source.map(|source| advert.source.cmp(&source)) {
            Some(Ordering::Less) => InMaster::Lower,
            Some(Ordering::Equal) => InMaster::OurAddress,
            Some(Ordering::Greater) | None => InMaster::HigherAddress,
        },
    }
}

/// Whether two routers both claim to own the addresses: a mistake of the configuration
/// (RFC 3768 6.1 gives 255 to one router only).
pub fn both_own(advert: Advert, priority: u8) -> bool {
    advert.priority == PRIORITY_OWNER && priority == PRIORITY_OWNER
}

#[cfg(test)]
mod tests;
