//! Whatever comes, and in whatever order: nothing panics, and nothing is left behind.

use proptest::prelude::*;

use super::*;

#[derive(Clone, Debug)]
enum Step {
    Pass(u64),
    Packet(u32, Vec<u8>),
    Link(u32, bool),
    Gone(u32),
    Remove(&'static str),
    /// Notifications are lost, that of the removal of an address among them.
    Overrun(&'static str),
}

fn any_step() -> impl Strategy<Value = Step> {
    let index = || prop_oneof![Just(ETH0.index), Just(ETH1.index)];
    prop_oneof![
        6 => (0u64..5000).prop_map(Step::Pass),
        2 => (index(), proptest::collection::vec(any::<u8>(), 0..60))
            .prop_map(|(index, bytes)| Step::Packet(index, bytes)),
        2 => (index(), any::<bool>()).prop_map(|(index, up)| Step::Link(index, up)),
        1 => index().prop_map(Step::Gone),
        2 => prop_oneof![Just("10.0.0.100/32"), Just("10.0.0.1/24")].prop_map(Step::Remove),
        1 => prop_oneof![Just("10.0.0.100/32"), Just("192.0.2.100/32")].prop_map(Step::Overrun),
    ]
}

fn act(bench: &mut Bench, step: Step) {
    let link_of = |index| {
        if index == ETH0.index {
            ETH0.link()
        } else {
            ETH1.link()
        }
    };
    match step {
        Step::Pass(time) => bench.pass(Duration::from_millis(time)),
        Step::Packet(index, bytes) => bench.router.handle_packet(index, &bytes, bench.now),
        Step::Link(index, up) => {
            let link = Link {
                up,
                ..link_of(index)
            };
            bench.kernel().links.retain(|other| other.index != index);
            bench.kernel().links.push(link.clone());
            bench.tell(Event::Link(link));
        }
        Step::Gone(index) => {
            bench.kernel().links.retain(|link| link.index != index);
            bench
                .kernel()
                .addresses
                .retain(|address| address.index != index);
            bench.tell(Event::LinkGone {
                index,
                name: link_of(index).name,
            });
        }
        Step::Remove(address) => {
            let address = on(ETH0.index, address);
            bench.kernel().addresses.retain(|other| *other != address);
            bench.tell(Event::AddressRemoved(address));
        }
        Step::Overrun(address) => {
            let address: IpNet = address.parse().unwrap();
            bench.kernel().addresses.retain(|it| it.address != address);
            bench.tell(Event::Overrun);
        }
    }
}

proptest! {
    #[test]
    fn addresses_and_gates_go_with_the_masters(
        steps in proptest::collection::vec(any_step(), 1..40),
    ) {
        let second = VrrpInstance {
            virtual_router_id: 52,
            virtual_ipaddress: vec![virtual_address("192.0.2.100/32", "eth1")],
            ..config()
        };
        let mut bench = Bench::started(vec![config(), second]);
        let mut armed = [false; 2];
        for step in steps.into_iter().map(Some).chain([None]) {
            let is_overrun = matches!(step, Some(Step::Overrun(_)));
            match step {
                Some(step) => act(&mut bench, step),
                None => bench.router.stop(bench.now),
            }
            for seen in bench.journal.take() {
                match seen {
                    Seen::Armed(instance) => armed[instance] = true,
                    Seen::Disarmed(instance) => armed[instance] = false,
                    _ => {}
                }
            }
            for (place, state) in bench.states().into_iter().enumerate() {
                prop_assert_eq!(armed[place], state == State::Master);
                let ours: IpNet =
                    ["10.0.0.100/32", "192.0.2.100/32"][place].parse().unwrap();
                let is_set =
                    bench.kernel().addresses.iter().any(|address| address.address == ours);
                if state != State::Master {
                    prop_assert!(!is_set, "{ours} left behind in {state:?}");
                } else if is_overrun {
                    let dev = ["eth0", "eth1"][place];
                    let is_there = bench.kernel().links.iter().any(|link| link.name == dev);
                    prop_assert!(is_set || !is_there, "{ours} is not put back");
                }
            }
        }
    }
}
