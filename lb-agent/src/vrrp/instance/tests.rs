//! Every row of the machine, then what must hold whatever happens.

use std::net::Ipv4Addr;

use ipnet::IpNet;
use proptest::prelude::*;

use super::*;
use crate::config::model::{Garp, VirtualAddress, VrrpInstance};
use crate::runtime::clock;

mod attach;
mod group;
mod late;
mod owner;
mod preempt;
mod properties;
mod split;
mod table;
mod tracking;
mod version_3;

const SELF: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));
const LOWER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
const HIGHER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 3));

/// Priority 100, one second, one address, one gratuitous ARP when becoming master.
pub(in crate::vrrp) fn config() -> VrrpInstance {
    VrrpInstance {
        name: "VI_1".into(),
        state: InitialState::Backup,
        interface: "eth0".into(),
        virtual_router_id: 51,
        priority: 100,
        advert_int: Duration::from_secs(1),
        authentication: None,
        virtual_ipaddress: vec![VirtualAddress::new(
            IpNet::new(Ipv4Addr::new(10, 0, 0, 100).into(), 32).unwrap(),
            "eth0",
        )],
        virtual_ipaddress_excluded: vec![],
        nopreempt: false,
        preempt_delay: Duration::ZERO,
        unicast_peer: vec![],
        unicast_ttl: 255,
        mcast_dst_ip: Ipv4Addr::new(224, 0, 0, 18).into(),
        skip_check_adv_addr: false,
        dont_track_primary: false,
        lower_prio_no_advert: false,
        higher_prio_send_advert: false,
        down_timer_adverts: 3,
        garp: Garp {
            master_repeat: 1,
            lower_prio_repeat: 1,
            ..Garp::default()
        },
        ..VrrpInstance::new("VI_1")
    }
}

const fn advert(source: IpAddr, priority: u8) -> Input {
    Input::Advert(Advert {
        source,
        priority,
        adver_int: Duration::from_secs(1),
    })
}

fn seconds(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds)
}

/// A machine and what it did last.
struct Bench {
    machine: Instance,
    start: Instant,
}

impl Bench {
    /// In Init, with interface and address.
    fn new(config: &VrrpInstance) -> Self {
        Self::of(&VirtualRouter::from(config))
    }

    fn of(router: &VirtualRouter) -> Self {
        let mut bench = Self {
            machine: Instance::new(router),
            start: clock::now(),
        };
        bench.at(0.0, Input::Interface(Interface::Up));
        bench.at(0.0, Input::Source(Some(SELF)));
        bench
    }

    /// A machine in this state at second 0.
    fn in_state(config: &VrrpInstance, state: State) -> Self {
        Self::of_in(&VirtualRouter::from(config), state)
    }

    fn of_in(router: &VirtualRouter, state: State) -> Self {
        let mut bench = Self::of(router);
        match state {
            State::Init => {}
            State::Backup => drop(bench.at(0.0, Input::Start)),
            State::Master => {
                bench.at(0.0, Input::Start);
                bench.at(0.0, Input::Timeout);
                if router.sync_group.is_some() {
                    bench.at(0.0, Input::GroupMaster);
                }
            }
            State::Fault => {
                bench.at(0.0, Input::Start);
                bench.at(0.0, Input::Source(None));
            }
        }
        assert_eq!(bench.machine.state(), state);
        bench
    }

    /// Takes an input so many seconds after the beginning.
    fn at(&mut self, at: f64, input: Input) -> Vec<Action> {
        self.machine.handle(input, self.start + seconds(at));
        self.actions()
    }

    fn actions(&mut self) -> Vec<Action> {
        std::iter::from_fn(|| self.machine.poll_action()).collect()
    }

    /// Seconds from the beginning to the machine's own timer.
    fn deadline(&self) -> Option<f64> {
        self.machine
            .deadline
            .map(|deadline| (deadline - self.start).as_secs_f64())
    }

    #[track_caller]
    fn expect_deadline(&self, expected: f64) {
        let deadline = self.deadline().unwrap();
        assert!(
            (deadline - expected).abs() < 1e-6,
            "{deadline} instead of {expected}"
        );
    }
}
