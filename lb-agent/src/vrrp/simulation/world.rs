//! The routers, the link between them, and what must hold.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

use super::random::Random;
use crate::config::model::{InitialState, VrrpInstance};
use crate::runtime::clock;
use crate::vrrp::State;
use crate::vrrp::election::Advert;
use crate::vrrp::instance::tests::config;
use crate::vrrp::instance::{Action, Input, Instance, Interface};
use crate::vrrp::settings::{Kind, Status, Tracked, Version, VirtualRouter};
use crate::vrrp::timers::Timers;

/// The longest an advert is under way.
const DELAY: u64 = 20;

pub(super) struct World {
    pub(super) random: Random,
    start: Instant,
    now: Instant,
    nodes: Vec<Node>,
    flights: BinaryHeap<Reverse<Flight>>,
    /// One of so many adverts is lost; 0: none.
    loss: u64,
    /// Since when the link is whole and nothing was done to any router.
    quiet_since: Instant,
    /// Since when the number of masters is wrong.
    wrong_since: Option<Instant>,
}

struct Node {
    config: VirtualRouter,
    address: IpAddr,
    /// `None`: switched off.
    machine: Option<Instance>,
    plugged: bool,
    /// How what it tracks is.
    check: Status,
    /// Nodes on the same side of a partition hear each other.
    side: u64,
    armed: bool,
    addresses: bool,
}

/// An advert under way. Ordered by arrival.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Flight {
    arrival: Instant,
    to: usize,
    from: usize,
    priority: u8,
    adver_int: Duration,
}

impl World {
    pub(super) fn new(seed: u64) -> Self {
        let start = clock::now();
        let mut random = Random::new(seed);
        let count = 2 + random.below(4);
        let version = if random.once_in(2) {
            Version::V3
        } else {
            Version::V2
        };
        let nodes = (0..count)
            .map(|place| Node::new(place, version, &mut random))
            .collect();
        let mut world = Self {
            random,
            start,
            now: start,
            nodes,
            flights: BinaryHeap::new(),
            loss: 0,
            quiet_since: start,
            wrong_since: None,
        };
        for _ in 0..count {
            world.boot();
        }
        world
    }

    /// Splits the link in two, at random.
    pub(super) fn partition(&mut self) {
        self.disturbed();
        for place in 0..self.nodes.len() {
            self.nodes[place].side = self.random.below(2);
        }
    }

    pub(super) fn lossy(&mut self) {
        self.disturbed();
        self.loss = 2 + self.random.below(5);
    }

    /// Makes the link whole. Routers stay as they are.
    pub(super) fn heal(&mut self) {
        self.disturbed();
        self.loss = 0;
        for node in &mut self.nodes {
            node.side = 0;
        }
    }

    /// Kills a router: it says nothing any more.
    pub(super) fn crash(&mut self) {
        self.disturbed();
        let place = self.any();
        let node = &mut self.nodes[place];
        (node.machine, node.armed, node.addresses) = (None, false, false);
    }

    /// Stops a router as SIGTERM would.
    pub(super) fn shut_down(&mut self) {
        self.disturbed();
        let place = self.any();
        self.feed(place, Input::Shutdown);
        let node = &mut self.nodes[place];
        assert!(
            !node.armed && !node.addresses,
            "router {place} leaves something behind"
        );
        node.machine = None;
    }

    /// Starts a router that is off.
    pub(super) fn boot(&mut self) {
        self.disturbed();
        let Some(place) = self.nodes.iter().position(|node| node.machine.is_none()) else {
            return;
        };
        let node = &mut self.nodes[place];
        node.machine = Some(Instance::new(&node.config));
        let interface = if node.plugged {
            Interface::Up
        } else {
            Interface::Down
        };
        let address = node.address;
        self.feed(place, Input::Interface(interface));
        self.feed(place, Input::Source(Some(address)));
        let status = self.nodes[place].check;
        self.feed(place, Input::Tracked { place: 0, status });
        self.feed(place, Input::Start);
    }

    /// What a router tracks changes.
    pub(super) fn track(&mut self) {
        self.disturbed();
        let place = self.any();
        let status = if self.random.once_in(2) {
            Status::Up
        } else {
            Status::Down
        };
        self.nodes[place].check = status;
        self.feed(place, Input::Tracked { place: 0, status });
    }

    pub(super) fn unplug(&mut self) {
        self.set_plugged(false);
    }

    pub(super) fn plug(&mut self) {
        self.set_plugged(true);
    }

    fn set_plugged(&mut self, plugged: bool) {
        self.disturbed();
        let place = self.any();
        self.nodes[place].plugged = plugged;
        let interface = if plugged {
            Interface::Up
        } else {
            Interface::Down
        };
        self.feed(place, Input::Interface(interface));
    }

    /// Lets time pass: timers run out and adverts arrive, in their order.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.next_event().filter(|next| *next <= end) {
            self.now = self.now.max(next);
            self.arrive();
            for place in 0..self.nodes.len() {
                if let Some(machine) = &mut self.nodes[place].machine {
                    machine.handle_timeout(self.now);
                }
                self.carry_out(place);
            }
            self.check();
        }
        self.now = end;
        self.check();
    }

    fn next_event(&self) -> Option<Instant> {
        let timers = self
            .nodes
            .iter()
            .filter_map(|node| node.machine.as_ref()?.poll_timeout());
        let arrival = self.flights.peek().map(|Reverse(flight)| flight.arrival);
        timers.chain(arrival).min()
    }

    fn arrive(&mut self) {
        while let Some(Reverse(flight)) = self.flights.peek().copied() {
            if flight.arrival > self.now {
                return;
            }
            self.flights.pop();
            let source = self.nodes[flight.from].address;
            let advert = Advert {
                source,
                priority: flight.priority,
                adver_int: flight.adver_int,
            };
            self.feed(flight.to, Input::Advert(advert));
        }
    }

    fn feed(&mut self, place: usize, input: Input) {
        if let Some(machine) = &mut self.nodes[place].machine {
            machine.handle(input, self.now);
        }
        self.carry_out(place);
    }

    fn carry_out(&mut self, place: usize) {
        while let Some(action) = self.nodes[place]
            .machine
            .as_mut()
            .and_then(Instance::poll_action)
        {
            let node = &mut self.nodes[place];
            match action {
                Action::SendAdvert { priority } => self.send(place, priority),
                Action::ArmGate => node.armed = true,
                Action::DisarmGate => node.armed = false,
                Action::AddAddresses => node.addresses = true,
                Action::RemoveAddresses => node.addresses = false,
                Action::RemoveResidual
                | Action::Announce { .. }
                | Action::AnnounceSource
                | Action::Log(_)
                | Action::Probe { .. }
                | Action::LowerPriority
                | Action::Priority { .. }
                | Action::SplitBrain(_)
                | Action::Changed { .. } => {}
            }
        }
    }

    fn send(&mut self, from: usize, priority: u8) {
        let adver_int = self.nodes[from].config.advert_int;
        for to in 0..self.nodes.len() {
            let (sender, receiver) = (&self.nodes[from], &self.nodes[to]);
            let reaches = sender.plugged && receiver.plugged && sender.side == receiver.side;
            if to == from || !reaches || (self.loss > 0 && self.random.once_in(self.loss)) {
                continue;
            }
            for _ in 0..=u8::from(self.random.once_in(20)) {
                let arrival = self.now + Duration::from_millis(self.random.below(DELAY + 1));
                self.flights.push(Reverse(Flight {
                    arrival,
                    to,
                    from,
                    priority,
                    adver_int,
                }));
            }
        }
    }

    /// What must hold at every moment.
    fn check(&mut self) {
        for (place, node) in self.nodes.iter().enumerate() {
            let is_master = node.state() == Some(State::Master);
            let both = (node.armed, node.addresses);
            assert_eq!(
                both,
                (is_master, is_master),
                "router {place} at {:?}",
                self.elapsed()
            );
        }
        let masters = self
            .nodes
            .iter()
            .filter(|node| node.state() == Some(State::Master))
            .count();
        let able = self
            .nodes
            .iter()
            .any(|node| matches!(node.state(), Some(State::Backup | State::Master)));
        if masters == usize::from(able) {
            self.wrong_since = None;
            return;
        }
        if self.loss > 0
            || self
                .nodes
                .iter()
                .any(|node| node.side != self.nodes[0].side)
        {
            return;
        }
        let since = *self.wrong_since.get_or_insert(self.now);
        let wrong_for = self.now - since.max(self.quiet_since);
        let allowed = self.longest_wait();
        assert!(
            wrong_for <= allowed,
            "{masters} masters for {wrong_for:?} on a whole link, at {:?}",
            self.elapsed()
        );
    }

    /// The longest master-down time of a router, and an advert's way.
    fn longest_wait(&self) -> Duration {
        let waits = self.nodes.iter().map(|node| {
            let slowest = self.nodes.iter().map(|node| node.config.advert_int).max();
            let timers = Timers::new(
                node.config.version,
                slowest.unwrap(),
                node.config.down_timer_adverts,
            );
            // Whatever is tracked can bring the priority down.
            timers.master_down(1)
        });
        waits.max().unwrap() + Duration::from_millis(DELAY)
    }

    fn elapsed(&self) -> Duration {
        self.now - self.start
    }

    fn any(&mut self) -> usize {
        let count = u64::try_from(self.nodes.len()).unwrap();
        usize::try_from(self.random.below(count)).unwrap()
    }

    fn disturbed(&mut self) {
        self.quiet_since = self.now;
    }
}

impl Node {
    fn new(place: u64, version: Version, random: &mut Random) -> Self {
        let priorities = [100, 100, 100, 150, 90, 1, 254, 255];
        let wish = random.once_in(3);
        let config = VrrpInstance {
            priority: priorities[usize::try_from(random.below(8)).unwrap()],
            state: if wish {
                InitialState::Master
            } else {
                InitialState::Backup
            },
            nopreempt: !wish && random.once_in(3),
            preempt_delay: Duration::from_secs(if random.once_in(3) { 5 } else { 0 }),
            lower_prio_no_advert: random.once_in(4),
            higher_prio_send_advert: random.once_in(4),
            ..config()
        };
        let mut config = VirtualRouter::from(&config);
        config.version = version;
        if version == Version::V3 {
            // Not the same everywhere: a backup follows its master's.
            config.advert_int = Duration::from_millis(100 + 300 * random.below(4));
        }
        config.tracked = vec![Tracked {
            kind: Kind::Script,
            name: "check".into(),
            weight: [-40, 0, 30][usize::try_from(random.below(3)).unwrap()],
            reverse: false,
        }];
        config.settle();
        let last = u8::try_from(random.below(49) * 5 + place + 1).unwrap();
        Self {
            config,
            address: Ipv4Addr::new(10, 0, 0, last).into(),
            machine: None,
            plugged: true,
            check: Status::Up,
            side: 0,
            armed: false,
            addresses: false,
        }
    }

    fn state(&self) -> Option<State> {
        self.machine.as_ref().map(Instance::state)
    }
}
