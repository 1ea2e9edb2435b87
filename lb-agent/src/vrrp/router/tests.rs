//! Instances in front of a kernel of paper.

use std::net::Ipv4Addr;
use std::time::Duration;

use ipnet::IpNet;

use super::*;
use crate::config::model::{Authentication, Broadcast, VirtualAddress, VrrpInstance};
use crate::net::address::Address;
use crate::net::link::Link;
use crate::runtime::clock;
use crate::vrrp::effects::Channel;
use crate::vrrp::instance::tests::config;
use crate::vrrp::settings::SyncGroup;
use crate::vrrp::{Change, State};
use crate::wire::arp;
use fake::{ETH0, ETH1, Fake, Journal, Seen};

mod addresses;
mod dialects;
mod fake;
mod groups;
mod hmac;
mod links;
mod lost;
mod names;
mod pace;
mod packets;
mod properties;
mod reload;
mod residue;
mod routing;
mod split;
mod statics;
mod tracking;
mod vmac;

const PEER: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 2);
const VIP: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 100);

/// A router with what it did.
struct Bench {
    router: Router<Fake>,
    journal: Journal,
    now: Instant,
}

impl Bench {
    /// Not started; eth0 has 10.0.0.1/24, eth1 192.0.2.1/24.
    fn new(setup: impl Into<Setup>) -> Self {
        let journal = Journal::default();
        let now = clock::now();
        let changes = journal.clone();
        let told = move |news| match news {
            News::Changed(change) => changes.push(Seen::Changed(change)),
            other => changes.push(Seen::Told(other)),
        };
        let kernel = Fake::new(&journal);
        let gate = Box::new(journal.clone());
        let router = Router::new(setup.into(), kernel, gate, Box::new(told), now);
        Self {
            router,
            journal,
            now,
        }
    }

    fn started(setup: impl Into<Setup>) -> Self {
        let mut bench = Self::new(setup);
        bench.router.start(bench.now);
        bench
    }

    /// Started, and long enough to be master of everything.
    fn master(setup: impl Into<Setup>) -> Self {
        let mut bench = Self::started(setup);
        bench.pass(Duration::from_secs(4));
        assert!(bench.states().iter().all(|state| *state == State::Master));
        bench.journal.take();
        bench
    }

    /// Lets time pass, every timer on time.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.router.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.router.handle_timeout(self.now);
        }
        self.now = end;
    }

    fn tell(&mut self, event: Event) {
        self.router.handle_event(event, self.now);
    }

    fn kernel(&mut self) -> &mut Fake {
        self.router.kernel_mut()
    }

    fn states(&self) -> Vec<State> {
        self.router
            .boards()
            .iter()
            .map(|board| board.read(self.now).state)
            .collect()
    }

    fn status(&self) -> crate::vrrp::status::InstanceStatus {
        self.router.boards()[0].read(self.now)
    }
}

fn virtual_address(address: &str, dev: &str) -> VirtualAddress {
    VirtualAddress::new(address.parse().unwrap(), dev)
}

fn on(index: u32, address: &str) -> Address {
    Address {
        index,
        address: address.parse().unwrap(),
        ..Address::default()
    }
}

#[test]
fn a_new_master_is_heard_before_it_forwards_and_forwards_before_it_is_asked() {
    let mut bench = Bench::started(vec![config()]);
    bench.journal.take();
    bench.pass(Duration::from_secs(4));
    let seen = bench.journal.take();
    assert!(matches!(seen[0], Seen::Advert { destination, .. }
        if destination == IpAddr::from([224, 0, 0, 18])));
    assert_eq!(
        seen[1..5],
        [
            Seen::Armed(0),
            Seen::Added(on(ETH0.index, "10.0.0.100/32")),
            Seen::Frame {
                index: ETH0.index,
                frame: arp::gratuitous(ETH0.mac, VIP).to_vec()
            },
            Seen::Changed(Change {
                instance: 0,
                from: State::Backup,
                to: State::Master,
                priority: 100,
            }),
        ]
    );
}

#[test]
fn a_stopped_master_says_so_leaves_no_address_and_closes_the_gate_last() {
    let mut bench = Bench::master(vec![config()]);
    bench.router.stop(bench.now);
    let seen = bench.journal.take();
    assert!(matches!(&seen[0], Seen::Advert { packet, .. } if packet[22] == 0));
    assert_eq!(
        seen[1..],
        [
            Seen::Removed(on(ETH0.index, "10.0.0.100/32")),
            Seen::Disarmed(0),
            Seen::Changed(Change {
                instance: 0,
                from: State::Master,
                to: State::Init,
                priority: 100,
            }),
        ]
    );
    assert_eq!(bench.router.poll_timeout(), None);
}

#[test]
fn an_interface_that_comes_later_ends_the_fault() {
    let absent = VrrpInstance {
        interface: "eth7".into(),
        ..config()
    };
    let mut bench = Bench::started(vec![absent]);
    assert_eq!(bench.states(), [State::Fault]);
    let link = Link {
        index: 7,
        name: "eth7".into(),
        ..ETH0.link()
    };
    bench.kernel().addresses.push(on(7, "10.0.0.7/24"));
    bench.tell(Event::Link(link));
    assert_eq!(bench.states(), [State::Backup]);
    let group = Ipv4Addr::new(224, 0, 0, 18);
    assert!(bench.journal.take().contains(&Seen::Opened {
        index: 7,
        groups: vec![group.into()],
        buffer: None,
    }));
}

#[test]
fn an_interface_made_anew_gets_a_new_socket_and_its_addresses_again() {
    let mut bench = Bench::master(vec![config()]);
    bench.tell(Event::LinkGone {
        index: ETH0.index,
        name: "eth0".into(),
    });
    assert_eq!(bench.states(), [State::Fault]);
    bench
        .kernel()
        .addresses
        .retain(|address| address.index != ETH0.index);
    bench.kernel().addresses.push(on(9, "10.0.0.1/24"));
    bench.tell(Event::Link(Link {
        index: 9,
        ..ETH0.link()
    }));
    assert_eq!(bench.states(), [State::Backup]);
    bench.pass(Duration::from_secs(4));
    assert_eq!(bench.states(), [State::Master]);
    let seen = bench.journal.take();
    assert!(seen.contains(&Seen::Closed(ETH0.index)));
    assert!(seen.contains(&Seen::Added(on(9, "10.0.0.100/32"))));
}

#[test]
fn a_link_that_goes_down_is_a_fault_until_it_is_up() {
    let mut bench = Bench::master(vec![config()]);
    bench.tell(Event::Link(Link {
        up: false,
        ..ETH0.link()
    }));
    assert_eq!(bench.states(), [State::Fault]);
    assert!(
        bench
            .journal
            .take()
            .contains(&Seen::Removed(on(ETH0.index, "10.0.0.100/32")))
    );
    bench.tell(Event::Link(ETH0.link()));
    assert_eq!(bench.states(), [State::Backup]);
}

#[test]
fn the_last_address_gone_is_a_fault() {
    let mut bench = Bench::started(vec![config()]);
    bench
        .kernel()
        .addresses
        .retain(|address| address.index != ETH0.index);
    bench.tell(Event::AddressRemoved(on(ETH0.index, "10.0.0.1/24")));
    assert_eq!(bench.states(), [State::Fault]);
    bench.kernel().addresses.push(on(ETH0.index, "10.0.0.9/24"));
    bench.tell(Event::AddressAdded(on(ETH0.index, "10.0.0.9/24")));
    assert_eq!(bench.states(), [State::Backup]);
}

#[test]
fn lost_notifications_are_made_good() {
    let mut bench = Bench::master(vec![config()]);
    bench.kernel().links.retain(|link| link.name != "eth0");
    bench.tell(Event::Overrun);
    assert_eq!(bench.states(), [State::Fault]);
}

#[test]
fn instances_fail_and_stand_for_themselves() {
    let second = VrrpInstance {
        name: "VI_2".into(),
        interface: "eth1".into(),
        virtual_ipaddress: vec![virtual_address("192.0.2.100/32", "eth1")],
        ..config()
    };
    let mut bench = Bench::master(vec![config(), second]);
    bench.tell(Event::Link(Link {
        up: false,
        ..ETH1.link()
    }));
    assert_eq!(bench.states(), [State::Master, State::Fault]);
    let seen = bench.journal.take();
    assert!(seen.contains(&Seen::Disarmed(1)) && !seen.contains(&Seen::Disarmed(0)));
}

#[test]
fn the_status_shows_what_is() {
    let bench = Bench::master(vec![config()]);
    let status = bench.status();
    assert_eq!(
        (status.state, status.priority, status.effective_priority),
        (State::Master, 100, 100)
    );
    assert_eq!(status.master, Some(Ipv4Addr::new(10, 0, 0, 1).into()));
    assert_eq!(
        (status.stats.become_master, status.stats.advert_sent),
        (1, 1)
    );
    assert!(status.virtual_ipaddress[0].set);
    // Master since 3.61 s of the 4 s that have passed.
    assert_eq!(status.in_state.as_millis(), 390);
}
