//! Links that flap, sockets, source addresses that must be there, and settings of the whole host.

use super::*;
use crate::config::model::UpDownDelay;
use crate::vrrp::settings::ReceiveBuffer;

fn link(up: bool) -> Event {
    Event::Link(Link { up, ..ETH0.link() })
}

fn debounced(down: u64, up: u64) -> Setup {
    let mut setup = Setup::from(vec![config()]);
    setup.global.interface_up_down_delays = vec![UpDownDelay {
        interface: "eth0".into(),
        down_delay: Duration::from_millis(down),
        up_delay: Duration::from_millis(up),
    }];
    setup
}

#[test]
fn a_flap_that_is_shorter_than_its_delay_is_none() {
    let mut bench = Bench::master(debounced(800, 500));
    bench.tell(link(false));
    bench.pass(Duration::from_millis(700));
    bench.tell(link(true));
    bench.pass(Duration::from_secs(3));
    assert_eq!(bench.states(), [State::Master]);
    assert_eq!(bench.status().stats.release_master, 0);
}

#[test]
fn a_link_that_stays_down_counts_after_its_delay_and_up_again_after_the_other() {
    let mut bench = Bench::master(debounced(800, 500));
    bench.tell(link(false));
    bench.pass(Duration::from_millis(799));
    assert_eq!(bench.states(), [State::Master]);
    // Said again in between: the time counts from the first.
    bench.tell(link(false));
    bench.pass(Duration::from_millis(2));
    assert_eq!(bench.states(), [State::Fault]);
    bench.tell(link(true));
    bench.pass(Duration::from_millis(499));
    assert_eq!(bench.states(), [State::Fault]);
    bench.pass(Duration::from_millis(2));
    assert_eq!(bench.states(), [State::Backup]);
}

#[test]
fn a_delay_ends_before_the_others_would_take_over() {
    // Three adverts may be missed: two intervals.
    let mut bench = Bench::master(debounced(60_000, 0));
    bench.tell(link(false));
    bench.pass(Duration::from_millis(1999));
    assert_eq!(bench.states(), [State::Master]);
    bench.pass(Duration::from_millis(2));
    assert_eq!(bench.states(), [State::Fault]);
}

#[test]
fn a_socket_holds_what_all_its_instances_ask_for() {
    let of = |vrid| VrrpInstance {
        name: format!("VI_{vrid}"),
        virtual_router_id: vrid,
        ..config()
    };
    let mut setup = Setup::from(vec![of(1), of(2), of(3)]);
    setup.instances[0].receive_buffer = ReceiveBuffer::Mtu(3);
    // 20 of IPv4, 8 and 8 of VRRP, one address.
    setup.instances[1].receive_buffer = ReceiveBuffer::Advert(10);
    setup.instances[2].receive_buffer = ReceiveBuffer::Bytes(7);
    let bench = Bench::started(setup);
    let seen = bench.journal.take().into_iter();
    let buffers: Vec<_> = seen
        .filter_map(|seen| match seen {
            Seen::Opened { buffer, .. } => Some(buffer),
            _ => None,
        })
        .collect();
    assert_eq!(buffers, [Some(4500 + 400 + 7)]);
}

#[test]
fn with_track_src_ip_the_address_that_is_sent_from_must_be_there() {
    let of = |track_src_ip| {
        Setup::from(vec![VrrpInstance {
            mcast_src_ip: Some([10, 0, 0, 1].into()),
            track_src_ip,
            ..config()
        }])
    };
    for (track, state) in [(true, State::Fault), (false, State::Master)] {
        let mut bench = Bench::master(of(track));
        let gone = on(ETH0.index, "10.0.0.1/24");
        bench.kernel().addresses.retain(|address| *address != gone);
        bench.tell(Event::AddressRemoved(gone.clone()));
        assert_eq!(bench.states(), [state]);
        bench.kernel().addresses.push(gone.clone());
        bench.tell(Event::AddressAdded(gone));
        bench.pass(Duration::from_secs(4));
        assert_eq!(bench.states(), [State::Master]);
    }
}

#[test]
fn disable_local_igmp_ends_with_the_agent() {
    let mut setup = Setup::from(vec![config()]);
    setup.global.disable_local_igmp = true;
    let mut bench = Bench::started(setup);
    let setting = "net/ipv4/igmp_link_local_mcast_reports";
    let set = ("0".to_owned(), Afterwards::AsBefore);
    assert_eq!(bench.kernel().sysctls.get(setting), Some(&set));
    let now = bench.now;
    bench.router.stop(now);
    assert!(bench.kernel().sysctls.is_empty());
}

#[test]
fn who_has_no_peer_and_may_not_use_multicast_is_in_fault_for_good() {
    let mut bench = Bench::started(vec![VrrpInstance {
        unicast_fault_no_peer: true,
        ..config()
    }]);
    bench.pass(Duration::from_secs(20));
    assert_eq!(bench.states(), [State::Fault]);
    let faults = bench.status().faults;
    assert_eq!(faults, [crate::vrrp::status::Reason::NoPeer]);
}

#[test]
fn an_interface_that_goes_down_and_then_away_is_said_to_be_missing() {
    let mut bench = Bench::master(vec![config()]);
    let down = Link {
        up: false,
        ..ETH0.link()
    };
    bench.tell(Event::Link(down));
    assert_eq!(bench.states(), [State::Fault]);
    let faults = |bench: &Bench| format!("{:?}", bench.status().faults);
    assert!(faults(&bench).contains("Down"), "{}", faults(&bench));
    let name = "eth0".into();
    bench.tell(Event::LinkGone {
        index: ETH0.index,
        name,
    });
    assert!(faults(&bench).contains("Missing"), "{}", faults(&bench));
}
