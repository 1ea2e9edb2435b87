//! What routers have said of the paths to servers: how large a packet fits. Pure.
//!
//! The kernel learns such things for packets that it sends; those in our tunnels it does not know.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

/// The path may be wide again after so long: as long as the kernel remembers it
/// (`net.ipv4.route.mtu_expires`).
const REMEMBERED: Duration = Duration::from_mins(10);

/// Nobody is believed who says less: the kernel's `net.ipv4.route.min_pmtu`.
const LEAST: u32 = 552;
/// And of IPv6 what every link carries (RFC 8201 4).
const LEAST6: u32 = 1280;

/// The paths that are narrower than their first link.
#[derive(Clone, Debug, Default)]
pub(super) struct Paths {
    narrow: BTreeMap<IpAddr, Path>,
}

#[derive(Clone, Copy, Debug)]
struct Path {
    mtu: u32,
    until: Instant,
}

impl Paths {
    /// A router on the path to `address` says that no more than `mtu` bytes fit.
    pub(super) fn note(&mut self, address: IpAddr, mtu: u32, now: Instant) {
        let until = now + REMEMBERED;
        let mtu = mtu.max(if address.is_ipv4() { LEAST } else { LEAST6 });
        self.narrow.insert(address, Path { mtu, until });
    }

    /// What fits the path to `address`, if that was said.
    pub(super) fn mtu(&self, address: IpAddr) -> Option<u32> {
        self.narrow.get(&address).map(|path| path.mtu)
    }

    /// Forgets a path.
    pub(super) fn forget(&mut self, address: IpAddr) {
        self.narrow.remove(&address);
    }

    /// Forgets what was said long ago; about whom that was.
    pub(super) fn expire(&mut self, now: Instant) -> Vec<IpAddr> {
        let over = self.narrow.extract_if(.., |_, path| path.until <= now);
        over.map(|(address, _)| address).collect()
    }

    /// When to call [`Self::expire`].
    pub(super) fn due(&self) -> Option<Instant> {
        self.narrow.values().map(|path| path.until).min()
    }
}
