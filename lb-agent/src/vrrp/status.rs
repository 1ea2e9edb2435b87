//! What others may know of the instances, at any time, without asking the VRRP thread.
//!
//! The thread counts with atomics and replaces a small record when something changed. Wherever a
//! reader may be held up, it keeps the thread from nothing (`latest`).

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use ipnet::IpNet;
use serde::{Deserialize, Serialize};

use super::State;
use super::election::Advert;
use super::instance::Rival;
use super::isolation::is_late;
use super::receive::Rejected;
use super::settings::VirtualRouter;
use crate::wire::vrrp::PRIORITY_RELEASE;

mod latest;
mod peers;
mod statics;
mod tracked;

use latest::Latest;
pub use peers::PeerStatus;
use peers::Peers;
pub use statics::{StaticCounters, StaticStats};
pub use tracked::{Reason, TrackedStatus};

/// An instance at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceStatus {
    /// `vrrp_instance`.
    pub name: String,
    /// `interface`.
    pub interface: String,
    /// `virtual_router_id`.
    pub virtual_router_id: u8,
    /// Version of the protocol.
    pub version: u8,
    /// The state.
    pub state: State,
    /// How long it has been in this state.
    pub in_state: Duration,
    /// `priority`.
    pub priority: u8,
    /// The priority in force.
    pub effective_priority: u8,
    /// `advert_int`.
    pub advert_int: Duration,
    /// What adverts are sent from.
    pub source: Option<IpAddr>,
    /// The master's address: our own, or whom we heard last.
    pub master: Option<IpAddr>,
    /// The master's priority.
    pub master_priority: Option<u8>,
    /// What keeps it from taking part.
    pub faults: Vec<Reason>,
    /// The virtual addresses, the excluded ones after the others.
    pub virtual_ipaddress: Vec<AddressStatus>,
    /// How often the master advertises; ours unless version 3 taught us another.
    pub master_adver_int: Duration,
    /// What is tracked, and how it is.
    pub tracked: Vec<TrackedStatus>,
    /// Who else acts as master beside us.
    pub split_brain: Option<Rival>,
    /// The sync group that it is a member of.
    pub sync_group: Option<String>,
    /// The other routers that were heard, by address.
    pub peers: Vec<PeerStatus>,
    /// The counters.
    pub stats: Stats,
}

/// A virtual address at one moment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressStatus {
    /// With its prefix length.
    pub address: IpNet,
    /// The interface it belongs on.
    pub dev: String,
    /// Whether it is there.
    pub set: bool,
}

/// Declares the counters twice: as the thread counts them and as others read them. Those that
/// keepalived has come first, in its order.
macro_rules! counters {
    (
        keepalived { $($(#[$known:meta])* $of_keepalived:ident,)* }
        ours { $($(#[$doc:meta])* $name:ident,)* }
    ) => {
        counters! { $($(#[$known])* $of_keepalived,)* $($(#[$doc])* $name,)* }

        impl Stats {
            /// The counters that keepalived has, by its names and in its order.
            pub fn of_keepalived(&self) -> impl Iterator<Item = (&'static str, u64)> + use<> {
                [$((stringify!($of_keepalived), self.$of_keepalived),)*].into_iter()
            }
        }
    };
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Counters of an instance since its start; named as in keepalived's JSON where it has
        /// them.
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
        pub struct Stats {
            $($(#[$doc])* pub $name: u64,)*
            /// The latest that an advert was late, microseconds.
            pub advert_late_max: u64,
        }

        impl Stats {
            /// What was counted since these figures were read.
            #[must_use]
            pub const fn since(&self, before: &Self) -> Self {
                Self {
                    $($name: self.$name.saturating_sub(before.$name),)*
                    advert_late_max: self.advert_late_max,
                }
            }
        }

        /// The same, to count with.
        #[derive(Debug, Default)]
        pub struct Counters {
            $($name: AtomicU64,)*
            advert_late_max: AtomicU64,
        }

        impl Counters {
            /// The figures now.
            pub fn read(&self) -> Stats {
                Stats {
                    $($name: self.$name.load(Ordering::Relaxed),)*
                    advert_late_max: self.advert_late_max.load(Ordering::Relaxed),
                }
            }
        }
    };
}

counters! {
keepalived {
    /// Acceptable adverts received.
    advert_rcvd,
    /// Adverts sent, one for each peer.
    advert_sent,
    /// Times it became MASTER.
    become_master,
    /// Times it stopped being MASTER.
    release_master,
    /// Packets of a wrong length.
    packet_len_err,
    /// Adverts with another interval.
    advert_interval_err,
    /// Packets with a wrong TTL.
    ip_ttl_err,
    /// Packets that are not adverts.
    invalid_type_rcvd,
    /// Adverts with other virtual addresses; accepted.
    addr_list_err,
    /// Packets of an unknown authentication type.
    invalid_authtype,
    /// Packets of another authentication type than ours.
    authtype_mismatch,
    /// Packets with a wrong password.
    auth_failure,
    /// Adverts of priority 0 received.
    pri_zero_rcvd,
    /// Adverts of priority 0 sent.
    pri_zero_sent,
}
ours {
    /// Packets of another version.
    vers_err,
    /// Packets with a wrong checksum.
    chk_err,
    /// Multicast packets for a unicast instance, and the other way round.
    cast_err,
    /// Unicast adverts from who is no peer.
    src_err,
    /// Adverts that the owner of the addresses did not listen to.
    ignored,
    /// Virtual addresses that somebody else removed and that were put back.
    address_restored,
    /// Routes and rules that somebody else removed and that were put back.
    routing_restored,
    /// Packet filters (`no_accept`) that somebody else removed and that were put back.
    filter_restored,
    /// VMACs that somebody else removed and that were made again.
    vmac_restored,
    /// Times there were two masters.
    split_brain,
    /// Adverts without the trailer of `auth_hmac` that its `mode` let in.
    hmac_missing,
    /// Own adverts that went out later than a fifth of the interval after their time.
    advert_late,
}
}

impl Counters {
    /// An acceptable advert was received.
    pub fn received(&self, advert: Advert) {
        count(&self.advert_rcvd);
        if advert.priority == PRIORITY_RELEASE {
            count(&self.pri_zero_rcvd);
        }
    }

    /// An advert was accepted although its addresses are not ours.
    pub fn mismatched(&self) {
        count(&self.addr_list_err);
    }

    /// An advert without a trailer was accepted.
    pub fn unsigned(&self) {
        count(&self.hmac_missing);
    }

    /// A packet was not acceptable.
    pub fn rejected(&self, reason: &Rejected) {
        count(match reason {
            Rejected::TooShort { .. } | Rejected::TooLong { .. } | Rejected::TotalLength { .. } => {
                &self.packet_len_err
            }
            Rejected::Ttl { .. } | Rejected::PeerTtl { .. } => &self.ip_ttl_err,
            Rejected::Version { .. } => &self.vers_err,
            Rejected::UnknownAuthType { .. } => &self.invalid_authtype,
            Rejected::AuthType { .. } | Rejected::AuthHeader { .. } => &self.authtype_mismatch,
            Rejected::Password { .. }
            | Rejected::Spi { .. }
            | Rejected::Replay { .. }
            | Rejected::Hmac { .. }
            | Rejected::Digest { .. } => &self.auth_failure,
            Rejected::AdverInt { .. } | Rejected::NoInterval { .. } => &self.advert_interval_err,
            Rejected::PacketType { .. } => &self.invalid_type_rcvd,
            Rejected::Checksum { .. } => &self.chk_err,
            Rejected::Cast { .. } => &self.cast_err,
            Rejected::NotAPeer { .. } => &self.src_err,
            Rejected::Owner { .. } => &self.ignored,
        });
    }

    /// An advert was sent.
    pub fn sent(&self, priority: u8) {
        count(&self.advert_sent);
        if priority == PRIORITY_RELEASE {
            count(&self.pri_zero_sent);
        }
    }

    /// The state changed.
    pub fn changed(&self, from: State, to: State) {
        if to == State::Master {
            count(&self.become_master);
        }
        if from == State::Master {
            count(&self.release_master);
        }
    }

    /// The timer of an own advert ran out so long after its time.
    pub fn late(&self, late: Duration, interval: Duration) {
        let micros = u64::try_from(late.as_micros()).unwrap_or(u64::MAX);
        self.advert_late_max.fetch_max(micros, Ordering::Relaxed);
        if is_late(late, interval) {
            count(&self.advert_late);
        }
    }

    /// There are two masters.
    pub fn split(&self) {
        count(&self.split_brain);
    }

    /// So many routes and rules were put back.
    pub fn routing_restored(&self, restored: usize) {
        let restored = u64::try_from(restored).unwrap_or(u64::MAX);
        self.routing_restored.fetch_add(restored, Ordering::Relaxed);
    }

    /// A packet filter was put back.
    pub fn filter_restored(&self) {
        count(&self.filter_restored);
    }

    /// A VMAC was made again.
    pub fn vmac_restored(&self) {
        count(&self.vmac_restored);
    }

    /// A virtual address was put back.
    pub fn restored(&self) {
        count(&self.address_restored);
    }
}

/// Only the VRRP thread counts, and nothing is ordered by a counter.
fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

/// What changes with the state, as one.
#[derive(Clone, Debug)]
pub struct Record {
    /// The state.
    pub state: State,
    /// Since when.
    pub since: Instant,
    /// The priority in force.
    pub effective_priority: u8,
    /// What adverts are sent from.
    pub source: Option<IpAddr>,
    /// The master.
    pub master: Option<Advert>,
    /// What keeps it from taking part.
    pub faults: Vec<Reason>,
    /// The virtual addresses.
    pub virtual_ipaddress: Vec<AddressStatus>,
    /// How often the master advertises.
    pub master_adver_int: Duration,
    /// What is tracked.
    pub tracked: Vec<TrackedStatus>,
    /// Who else acts as master.
    pub split_brain: Option<Rival>,
}

/// What the thread publishes of one instance.
#[derive(Debug)]
pub struct Board {
    name: String,
    interface: String,
    virtual_router_id: u8,
    version: u8,
    priority: u8,
    advert_int: Duration,
    /// Counted by the thread; they outlive a board that a reload replaces.
    pub counters: Arc<Counters>,
    sync_group: Option<String>,
    peers: Arc<Peers>,
    record: Latest<Record>,
}

impl Board {
    /// A board for an instance that has not started.
    pub fn new(config: &VirtualRouter, record: Record) -> Self {
        Self {
            name: config.name.clone(),
            interface: config.interface.clone(),
            virtual_router_id: config.virtual_router_id,
            version: config.version.number(),
            priority: config.priority,
            advert_int: config.advert_int,
            counters: Arc::default(),
            sync_group: config.sync_group.clone(),
            peers: Arc::new(Peers::new()),
            record: Latest::new(record),
        }
    }

    /// The board of the same instance with other settings: what was counted counts on, and until
    /// the thread publishes, the record is the last one.
    #[must_use]
    pub fn with(&self, config: &VirtualRouter) -> Self {
        Self {
            counters: Arc::clone(&self.counters),
            peers: Arc::clone(&self.peers),
            ..Self::new(config, Record::clone(&self.record.read()))
        }
    }

    /// Replaces the record.
    pub fn publish(&self, record: Record) {
        self.record.write(record);
    }

    /// An acceptable advert came.
    pub fn heard(&self, advert: Advert, now: Instant) {
        self.counters.received(advert);
        self.peers.note(advert, now);
    }

    /// The instance at `now`.
    pub fn read(&self, now: Instant) -> InstanceStatus {
        let record = self.record.read();
        InstanceStatus {
            name: self.name.clone(),
            interface: self.interface.clone(),
            virtual_router_id: self.virtual_router_id,
            version: self.version,
            state: record.state,
            in_state: now.saturating_duration_since(record.since),
            priority: self.priority,
            effective_priority: record.effective_priority,
            advert_int: self.advert_int,
            source: record.source,
            master: record.master.map(|master| master.source),
            master_priority: record.master.map(|master| master.priority),
            faults: record.faults.clone(),
            virtual_ipaddress: record.virtual_ipaddress.clone(),
            master_adver_int: record.master_adver_int,
            tracked: record.tracked.clone(),
            split_brain: record.split_brain,
            sync_group: self.sync_group.clone(),
            peers: self.peers.read(now),
            stats: self.counters.read(),
        }
    }
}
