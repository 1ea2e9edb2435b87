//! What was heard of the other routers last.

use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use super::latest::try_lock;
use crate::vrrp::election::Advert;

/// Routers that are remembered; of more, those heard last.
const MOST: usize = 16;

/// Another router of the virtual router.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerStatus {
    /// Where its adverts come from.
    pub address: IpAddr,
    /// The priority in its last one; 0: it stopped.
    pub priority: u8,
    /// How often it advertises.
    pub adver_int: Duration,
    /// How long ago the last one came.
    pub ago: Duration,
}

/// The last acceptable advert of each.
#[derive(Debug)]
pub(super) struct Peers(Mutex<Vec<(Advert, Instant)>>);

impl Peers {
    pub(super) fn new() -> Self {
        Self(Mutex::new(Vec::with_capacity(MOST)))
    }

    /// Takes an advert. Allocates nothing, and does not wait: when somebody is reading, the next
    /// advert is early enough.
    pub(super) fn note(&self, advert: Advert, now: Instant) {
        let Some(mut peers) = try_lock(&self.0) else {
            return;
        };
        let known = |(it, _): &&mut (Advert, _)| it.source == advert.source;
        if let Some(peer) = peers.iter_mut().find(known) {
            *peer = (advert, now);
        } else if peers.len() < MOST {
            peers.push((advert, now));
        } else if let Some(oldest) = peers.iter_mut().min_by_key(|(_, at)| *at) {
            *oldest = (advert, now);
        }
    }

    pub(super) fn read(&self, now: Instant) -> Vec<PeerStatus> {
        let peers = self
            .0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone();
        let mut peers: Vec<PeerStatus> = peers
            .into_iter()
            .map(|(advert, at)| PeerStatus {
                address: advert.source,
                priority: advert.priority,
                adver_int: advert.adver_int,
                ago: now.saturating_duration_since(at),
            })
            .collect();
        peers.sort_by_key(|peer| peer.address);
        peers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::clock;

    fn advert(host: u8, priority: u8) -> Advert {
        Advert {
            source: [10, 0, 0, host].into(),
            priority,
            adver_int: Duration::from_secs(1),
        }
    }

    #[test]
    fn each_router_is_remembered_with_its_last_advert_and_the_oldest_goes_first() {
        let (peers, start) = (Peers::new(), clock::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        peers.note(advert(1, 100), at(0));
        peers.note(advert(1, 0), at(1));
        let [peer] = &peers.read(at(3))[..] else {
            panic!("one router")
        };
        assert_eq!((peer.priority, peer.ago), (0, Duration::from_secs(2)));
        for host in 2..=18 {
            peers.note(advert(host, 100), at(u64::from(host)));
        }
        let seen: Vec<IpAddr> = peers.read(at(20)).iter().map(|it| it.address).collect();
        let expected: Vec<IpAddr> = (3..=18).map(|host| [10, 0, 0, host].into()).collect();
        assert_eq!(seen, expected);
    }
}
