//! [`Schedule`] and [`Pool`] together, beside a model that is slow and simple: a server is up when every
//! checker of it that has answered says so. Over results, reloads and restarts in any order.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::restart::snapshot;
use super::*;
use crate::health::pool::{Past, Pool};
use crate::health::spec::{Question, Target as Asked};

/// `retry` of every checker.
const RETRIES: u32 = 1;

/// Gained with 3, lost with 0.
const QUORUM: (u32, u32) = (2, 1);

const SORRY: u8 = 99;

/// One server of a configuration: host 1 to 5 by its place, left out without a weight.
#[derive(Clone, Copy, Debug)]
struct Host {
    here: bool,
    weight: u32,
    tcp: bool,
    ping: bool,
}

/// A configuration.
#[derive(Clone, Debug)]
struct File {
    hosts: Vec<Host>,
    alpha: bool,
    sorry: bool,
}

#[derive(Clone, Debug)]
enum Step {
    /// The checker at this place, counted around, has this result.
    Result(usize, Heard),
    Reload(File),
    /// The same file again.
    Again,
    /// The agent ends, and the next one goes on from what it left.
    Restart,
}

#[derive(Clone, Copy, Debug)]
enum Heard {
    Good,
    Bad,
    NotProbed,
}

fn file() -> impl Strategy<Value = File> {
    let host = (
        prop::bool::weighted(0.8),
        1_u32..4,
        any::<bool>(),
        any::<bool>(),
    );
    let host = host.prop_map(|(here, weight, tcp, ping)| Host {
        here,
        weight,
        tcp,
        ping,
    });
    let hosts = prop::collection::vec(host, 5);
    (hosts, any::<bool>(), any::<bool>()).prop_map(|(mut hosts, alpha, sorry)| {
        // Three at least, so that every quorum can be met as it stands.
        for host in hosts.iter_mut().take(3) {
            host.here = true;
        }
        File {
            hosts,
            alpha,
            sorry,
        }
    })
}

fn step() -> impl Strategy<Value = Step> {
    let heard = prop_oneof![
        3 => Just(Heard::Good),
        3 => Just(Heard::Bad),
        1 => Just(Heard::NotProbed),
    ];
    prop_oneof![
        20 => (0_usize..10, heard).prop_map(|(place, heard)| Step::Result(place, heard)),
        2 => file().prop_map(Step::Reload),
        1 => Just(Step::Again),
        2 => Just(Step::Restart),
    ]
}

impl File {
    fn service(&self) -> Service {
        let servers = (1_u8..).zip(&self.hosts).filter(|(_, it)| it.here);
        let servers = servers.map(|(host, it)| Server {
            checks: self.checks(host, *it),
            ..real_server(host, it.weight)
        });
        let mut service = virtual_server(servers.collect(), self.sorry.then_some(SORRY));
        (service.rules.quorum, service.rules.hysteresis) = QUORUM;
        service
    }

    fn checks(&self, host: u8, of: Host) -> Vec<Check> {
        let address = std::net::SocketAddr::new(server_key(host).address, 80);
        let check = |kind| Check {
            question: Question {
                target: Asked::new(address),
                kind,
            },
            alpha: self.alpha,
            ..checker(Kind::Tcp, RETRIES)
        };
        let tcp = of.tcp.then(|| check(Kind::Tcp));
        tcp.into_iter()
            .chain(of.ping.then(|| check(Kind::Ping)))
            .collect()
    }
}

/// A checker: whose it is, and its keyword.
type Name = (u8, &'static str);

/// What the model holds of a checker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    Unanswered,
    Up { failures: u32 },
    Down,
}

impl Held {
    fn after(self, heard: Heard) -> Self {
        match (heard, self) {
            (Heard::NotProbed, held) => held,
            (Heard::Good, _) => Self::Up { failures: 0 },
            (Heard::Bad, Self::Up { failures }) if failures < RETRIES => Self::Up {
                failures: failures + 1,
            },
            (Heard::Bad, _) => Self::Down,
        }
    }
}

/// Both, and the model.
struct World {
    now: Instant,
    file: File,
    schedule: Schedule,
    pool: Pool,
    held: BTreeMap<Name, Held>,
    /// Whether the quorum is there.
    quorum: bool,
    /// Nothing has been reloaded or restarted: what has not answered counts as at a start.
    fresh: bool,
}

fn shared_settings() -> Settings {
    Settings {
        share: true,
        ..alone(64, 0)
    }
}

impl World {
    fn new(file: File) -> Self {
        let now = clock::now();
        let service = file.service();
        let (pool, _) = Pool::new(service.clone());
        let mut world = Self {
            now,
            schedule: Schedule::new(&[service], shared_settings(), now),
            pool,
            held: BTreeMap::new(),
            quorum: false,
            fresh: true,
            file,
        };
        world.rename();
        world.settle();
        world
    }

    /// The checkers in the order of the file.
    fn names(&self) -> Vec<Name> {
        let hosts = (1_u8..).zip(&self.file.hosts).filter(|(_, it)| it.here);
        let names = hosts.flat_map(|(host, it)| {
            let tcp = it.tcp.then_some((host, "TCP_CHECK"));
            tcp.into_iter()
                .chain(it.ping.then_some((host, "PING_CHECK")))
        });
        names.collect()
    }

    /// The model has what the file has: who stays goes on, who is new has not answered.
    fn rename(&mut self) {
        let before = std::mem::take(&mut self.held);
        let held = |name: &Name| before.get(name).copied().unwrap_or(Held::Unanswered);
        self.held = self.names().iter().map(|it| (*it, held(it))).collect();
    }

    fn take(&mut self, step: Step) {
        self.now += Duration::from_millis(10);
        match step {
            Step::Result(place, heard) => self.hear(place, heard),
            Step::Reload(file) => self.reload(file),
            Step::Again => {
                let before = self.pool.members().to_vec();
                self.reload(self.file.clone());
                assert_eq!(self.pool.members(), before, "the same file changes nothing");
            }
            Step::Restart => self.restart(),
        }
        self.settle();
    }

    fn hear(&mut self, place: usize, heard: Heard) {
        let names = self.names();
        let Some(place) = place.checked_rem(names.len()) else {
            return;
        };
        let probe = self.schedule.status(self.now)[place].probe;
        let result = match heard {
            Heard::Good => ProbeResult::Success,
            Heard::Bad => refused(),
            Heard::NotProbed => ProbeResult::NotProbed(crate::health::probe::NotProbed::Told),
        };
        self.schedule
            .handle_result(CheckerId(probe), result, self.now);
        let held = self.held.get_mut(&names[place]).unwrap();
        *held = held.after(heard);
    }

    /// As the supervisor does it: the pools first.
    fn reload(&mut self, file: File) {
        self.fresh = false;
        self.file = file;
        let service = self.file.service();
        let (pool, _) = self.pool.clone().reload(service.clone());
        self.pool = pool;
        self.count_quorum();
        let _moves = self
            .schedule
            .reload(&[service], shared_settings(), self.now);
        self.rename();
    }

    fn restart(&mut self) {
        self.fresh = false;
        let before = self.pool.members().to_vec();
        let checkers = self.schedule.record(self.now).named();
        let known = snapshot(checkers, vec![self.pool.record(self.now)]);
        let text = serde_json::to_string(&known).unwrap();
        let known: crate::health::snapshot::Snapshot = serde_json::from_str(&text).unwrap();
        let service = self.file.service();
        let (pool, _) = Pool::begin(service.clone(), Past::All(&known.pools[0], self.now));
        self.pool = pool;
        self.count_quorum();
        self.schedule = Schedule::new(&[service], shared_settings(), self.now);
        self.schedule.restore(&known, self.now);
        self.settle();
        assert_eq!(self.pool.members(), before, "a restart changes nothing");
    }

    /// What the schedule tells goes to the pool.
    fn settle(&mut self) {
        self.count_quorum();
        while let Some(action) = self.schedule.poll_action() {
            if let Action::Changed(event) = action {
                drop(self.pool.handle_event(&event));
                self.count_quorum();
            }
        }
        self.compare();
    }

    /// (host, weight, up) of each server, as the pool holds it.
    fn servers(&self) -> Vec<(u8, u32, bool)> {
        let known = self.pool.record(self.now);
        let hosts = (1_u8..).zip(&self.file.hosts).filter(|(_, it)| it.here);
        let servers = hosts.zip(&known.servers);
        servers
            .map(|((host, it), known)| (host, it.weight, known.up))
            .collect()
    }

    fn count_quorum(&mut self) {
        let (quorum, hysteresis) = QUORUM;
        let up = self.servers().into_iter().filter(|it| it.2);
        let weight: u32 = up.map(|it| it.1).sum();
        self.quorum = if self.quorum {
            weight > 0 && weight >= quorum - hysteresis
        } else {
            weight >= quorum + hysteresis
        };
    }

    fn compare(&self) {
        let statuses = self.schedule.status(self.now);
        for (name, status) in self.names().iter().zip(&statuses) {
            assert_eq!(status.checker, name.1);
            let state = match self.held[name] {
                Held::Unanswered => State::Unproven,
                Held::Up { failures: 0 } => State::Up,
                Held::Up { failures } => State::Failing { failures },
                Held::Down => State::Down,
            };
            assert_eq!(status.state, state, "{name:?}");
        }
        let mut wanted = Vec::new();
        for (host, weight, up) in self.servers() {
            let of: Vec<Held> = self
                .held
                .iter()
                .filter(|it| it.0.0 == host)
                .map(|it| *it.1)
                .collect();
            let unanswered = of.contains(&Held::Unanswered);
            if of.contains(&Held::Down) {
                assert!(!up, "{host} has failed: {of:?}");
            } else if !unanswered {
                assert!(up, "{host} has not: {of:?}");
            } else if self.fresh {
                assert_eq!(up, !self.file.alpha, "{host} as at a start: {of:?}");
            }
            if up {
                wanted.push((host, weight));
            }
        }
        assert_eq!(
            self.pool.record(self.now).has_quorum,
            self.quorum,
            "the quorum"
        );
        if self.file.sorry && !self.quorum {
            wanted = vec![(SORRY, 1)];
        }
        let members = self.pool.members().iter().map(|member| {
            let IpAddr::V4(address) = member.key.address else {
                panic!("no v6 in these tests")
            };
            (address.octets()[3], member.weight)
        });
        assert_eq!(members.collect::<Vec<_>>(), wanted, "the members");
    }
}

proptest! {
    #[test]
    fn pools_hold_what_their_checkers_have_found(
        first in file(),
        steps in prop::collection::vec(step(), 1..60),
    ) {
        let mut world = World::new(first);
        for step in steps {
            world.take(step);
        }
    }
}
