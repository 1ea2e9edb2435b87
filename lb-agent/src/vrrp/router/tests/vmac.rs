//! VMACs, kernel settings, `no_accept`.

use super::*;
use crate::config::model::{UseIpvlan, UseVmac};
use crate::net::link::LinkKind;
use crate::net::virtual_link::{IpvlanFlags, VirtualKind, VirtualLink};

const MAC: [u8; 6] = [0, 0, 0x5e, 0, 1, 51];

fn vmac(xmit_base: bool) -> Setup {
    Setup::from(vec![VrrpInstance {
        use_vmac: Some(UseVmac::default()),
        vmac_xmit_base: xmit_base,
        ..config()
    }])
}

fn link() -> VirtualLink {
    VirtualLink {
        name: "vrrp.51".into(),
        parent: ETH0.index,
        group: None,
        kind: VirtualKind::Macvlan(MAC),
    }
}

#[test]
fn a_vmac_is_made_carries_everything_and_is_removed() {
    let mut bench = Bench::started(vmac(false));
    assert!(bench.journal.take().contains(&Seen::LinkMade(link())));
    assert_eq!(bench.states(), [State::Backup]);
    bench.pass(Duration::from_secs(4));
    let seen = bench.journal.take();
    let index = 100 + ETH0.index;
    assert!(matches!(seen[0], Seen::Advert { index: by, .. } if by == index));
    assert!(seen.contains(&Seen::Added(on(index, "10.0.0.100/32"))));
    let frame = arp::gratuitous(MAC, VIP).to_vec();
    assert!(seen.contains(&Seen::Frame { index, frame }));
    bench.router.stop(bench.now);
    let seen = bench.journal.take();
    assert!(seen.contains(&Seen::LinkRemoved("vrrp.51".into())));
    assert!(bench.kernel().sysctls.is_empty(), "they are as before");
}

#[test]
fn settings_of_the_interface_below_are_those_that_are_set_back() {
    let mut bench = Bench::started(vmac(false));
    let sysctls = &bench.kernel().sysctls;
    let kept = |(path, (_, afterwards)): (&String, &(String, Afterwards))| {
        (*afterwards == Afterwards::AsBefore).then(|| path.clone())
    };
    let kept: Vec<String> = sysctls.iter().filter_map(kept).collect();
    let expected = ["all/rp_filter", "eth0/arp_filter", "eth0/arp_ignore"];
    assert_eq!(kept, expected.map(|path| format!("net/ipv4/conf/{path}")));
    assert!(sysctls.contains_key("net/ipv4/conf/vrrp.51/accept_local"));
}

#[test]
fn vmac_xmit_base_sends_adverts_by_the_interface_below() {
    let mut bench = Bench::started(vmac(true));
    bench.journal.take();
    bench.pass(Duration::from_secs(4));
    let seen = bench.journal.take();
    assert!(matches!(seen[0], Seen::Advert { index, .. } if index == ETH0.index));
    assert!(seen.contains(&Seen::Added(on(100 + ETH0.index, "10.0.0.100/32"))));
}

#[test]
fn a_vmac_that_a_crash_has_left_is_used_and_another_interface_of_its_name_is_not() {
    let left = |mac| {
        let mut bench = Bench::new(vmac(false));
        let link = VirtualLink {
            kind: VirtualKind::Macvlan(mac),
            ..link()
        };
        bench.kernel().create_link(&link).unwrap();
        bench.journal.take();
        bench.router.start(bench.now);
        bench.router.stop(bench.now);
        bench.journal.take()
    };
    let removed = Seen::LinkRemoved("vrrp.51".into());
    let made = |seen: &Seen| matches!(seen, Seen::LinkMade(_));
    let seen = left(MAC);
    assert!(seen.contains(&removed) && !seen.iter().any(made));
    let seen = left([2, 0, 0, 0, 0, 7]);
    assert!(!seen.contains(&removed) && !seen.iter().any(made));
}

#[test]
fn promote_secondaries_is_set_while_the_agent_runs() {
    let mut bench = Bench::started(vec![VrrpInstance {
        promote_secondaries: true,
        ..config()
    }]);
    let path = "net/ipv4/conf/eth0/promote_secondaries";
    let set = ("1".to_owned(), Afterwards::AsBefore);
    assert_eq!(bench.kernel().sysctls[path], set);
    bench.router.stop(bench.now);
    assert!(bench.kernel().sysctls.is_empty());
}

#[test]
fn no_accept_drops_before_the_address_is_there_and_until_it_is_gone() {
    let config = VrrpInstance {
        accept: false,
        ..config()
    };
    let mut bench = Bench::started(vec![config]);
    let table = "lb-agent.eth0.51.IPv4".to_owned();
    let unblocked = Seen::Unblocked(table.clone());
    assert!(
        bench.journal.take().contains(&unblocked),
        "what a crash left"
    );
    bench.pass(Duration::from_secs(4));
    let seen = bench.journal.take();
    let place = |wanted: &Seen| seen.iter().position(|it| it == wanted).unwrap();
    let added = place(&Seen::Added(on(ETH0.index, "10.0.0.100/32")));
    assert!(place(&Seen::Blocked(table, vec![VIP.into()])) < added);
    bench.router.stop(bench.now);
    let seen = bench.journal.take();
    let place = |wanted: &Seen| seen.iter().position(|it| it == wanted).unwrap();
    let removed = place(&Seen::Removed(on(ETH0.index, "10.0.0.100/32")));
    assert!(place(&unblocked) > removed);
}

#[test]
fn the_owner_accepts_whatever_is_said() {
    let config = VrrpInstance {
        accept: false,
        priority: 255,
        ..config()
    };
    let mut bench = Bench::started(vec![config]);
    bench.pass(Duration::from_secs(4));
    let blocked = |seen: &Seen| matches!(seen, Seen::Blocked(..));
    assert!(!bench.journal.take().iter().any(blocked));
}

/// An address on eth1, with a VMAC.
fn elsewhere() -> Vec<VrrpInstance> {
    let mut address = config().virtual_ipaddress[0].clone();
    address.address = "192.0.2.100/32".parse().unwrap();
    address.dev = "eth1".into();
    address.options.use_vmac = Some(UseVmac::default());
    let mut config = config();
    config.virtual_ipaddress.push(address);
    vec![config]
}

const ELSEWHERE: u32 = 100 + ETH1.index;

#[test]
fn an_address_with_a_vmac_stands_on_it_is_announced_from_it_and_goes_with_it() {
    let mut bench = Bench::started(elsewhere());
    bench.pass(Duration::from_secs(4));
    let address = on(ELSEWHERE, "192.0.2.100/32");
    assert!(bench.kernel().addresses.contains(&address));
    let frame = arp::gratuitous(MAC, [192, 0, 2, 100].into()).to_vec();
    let announced = Seen::Frame {
        index: ELSEWHERE,
        frame,
    };
    assert!(bench.journal.take().contains(&announced));
    bench.router.stop(bench.now);
    let seen = bench.journal.take();
    assert!(seen.contains(&Seen::Removed(address)));
    assert!(seen.contains(&Seen::LinkRemoved("vrrp.51".into())));
}

#[test]
fn a_reload_moves_a_masters_address_to_a_vmac_and_back_and_it_stays_master() {
    let mut without = elsewhere();
    without[0].virtual_ipaddress[1].options.use_vmac = None;
    let mut bench = Bench::master(without.clone());
    bench.reload(without.clone(), elsewhere());
    assert_eq!(bench.states(), [State::Master]);
    let plain = on(ETH1.index, "192.0.2.100/32");
    let vmac = on(ELSEWHERE, "192.0.2.100/32");
    let addresses = &bench.kernel().addresses;
    assert!(
        addresses.contains(&vmac) && !addresses.contains(&plain),
        "{addresses:?}"
    );
    bench.journal.take();
    bench.reload(elsewhere(), without);
    assert_eq!(bench.states(), [State::Master]);
    let seen = bench.journal.take();
    let place = |wanted: Seen| seen.iter().position(|it| *it == wanted).unwrap();
    let gone = place(Seen::LinkRemoved("vrrp.51".into()));
    assert!(place(Seen::Removed(vmac)) < gone);
    assert!(bench.kernel().addresses.contains(&plain));
}

fn on_eth0() -> Vec<VrrpInstance> {
    let mut on = elsewhere();
    on[0].virtual_ipaddress[1].dev = "eth0".into();
    on
}

/// Where addresses of 192.0.2.0/24 stand: interface below, interface.
fn stands(bench: &mut Bench, address: &str) -> Vec<(u32, String, bool)> {
    let kernel = bench.kernel();
    let address = address.parse().unwrap();
    let on = kernel.addresses.iter().filter(|it| it.address == address);
    let link = |it: &Address| {
        let mut links = kernel.links.iter();
        let link = links.find(|link| link.index == it.index).unwrap();
        match link.kind {
            LinkKind::Macvlan { parent } => (parent, link.name.clone(), link.up),
            _ => (link.index, link.name.clone(), link.up),
        }
    };
    on.map(link).collect()
}

const SECOND_VIP: &str = "192.0.2.100/32";

#[test]
fn a_vmac_of_the_same_name_on_another_interface_takes_the_address_along() {
    let mut bench = Bench::master(elsewhere());
    bench.reload(elsewhere(), on_eth0());
    assert_eq!(bench.states(), [State::Master]);
    let expected = [(ETH0.index, "vrrp.51".to_owned(), true)];
    assert_eq!(stands(&mut bench, SECOND_VIP), expected);
    // What the kernel tells of the old one comes late, and is not about the new one.
    let old = Link {
        index: ELSEWHERE,
        name: "vrrp.51".into(),
        mac: MAC,
        up: false,
        kind: LinkKind::Macvlan { parent: ETH1.index },
        ..ETH1.link()
    };
    bench.journal.take();
    bench.tell(Event::Link(old));
    let (index, name) = (ELSEWHERE, "vrrp.51".into());
    bench.tell(Event::LinkGone { index, name });
    assert_eq!(bench.journal.take(), []);
    bench.router.stop(bench.now);
    assert!(stands(&mut bench, SECOND_VIP).is_empty());
    assert_eq!(bench.kernel().links.len(), 2);
}

#[test]
fn the_first_of_two_vmacs_goes_and_the_address_on_the_second_stays_on_its_network() {
    let mut two = on_eth0();
    let mut other = elsewhere()[0].virtual_ipaddress[1].clone();
    other.address = "192.0.2.101/32".parse().unwrap();
    two[0].virtual_ipaddress.push(other);
    let mut one = two.clone();
    one[0].virtual_ipaddress.remove(1);
    let mut bench = Bench::master(two.clone());
    bench.reload(two, one);
    let expected = [(ETH1.index, "vrrp1.51".to_owned(), true)];
    assert_eq!(stands(&mut bench, "192.0.2.101/32"), expected);
    assert!(stands(&mut bench, SECOND_VIP).is_empty());
}

#[test]
fn instances_that_swap_the_names_of_their_vmacs_stay_on_their_networks() {
    let named = |names: [&str; 2]| {
        let instances = two_of_an_id().into_iter().zip(names);
        let named = instances.map(|(instance, name)| VrrpInstance {
            use_vmac: Some(UseVmac {
                name: Some(name.into()),
                ..UseVmac::default()
            }),
            ..instance
        });
        named.collect::<Vec<_>>()
    };
    let both = named(["a", "b"]);
    let swapped = named(["b", "a"]);
    for after in [swapped[1..].to_vec(), swapped] {
        let count = after.len();
        let mut bench = Bench::master(both.clone());
        bench.reload(both.clone(), after);
        bench.pass(Duration::from_secs(5));
        assert_eq!(bench.states(), vec![State::Master; count]);
        let expected = [(ETH1.index, "a".to_owned(), true)];
        assert_eq!(stands(&mut bench, SECOND_VIP), expected);
        let index = bench.kernel().links.iter().find(|it| it.name == "a");
        let index = index.unwrap().index;
        let seen = bench.journal.take();
        let heard = |it: &Seen| matches!(it, Seen::Opened { index: by, .. } if *by == index);
        assert!(seen.iter().any(heard), "{seen:?}");
    }
}

#[test]
fn a_renamed_vmac_is_up_and_so_is_one_whose_number_shifts() {
    let mut renamed = elsewhere();
    renamed[0].virtual_ipaddress[1].options.use_vmac = Some(UseVmac {
        name: Some("foo".into()),
        ..UseVmac::default()
    });
    let mut bench = Bench::master(elsewhere());
    bench.reload(elsewhere(), renamed);
    assert_eq!(bench.states(), [State::Master]);
    let expected = [(ETH1.index, "foo".to_owned(), true)];
    assert_eq!(stands(&mut bench, SECOND_VIP), expected);
}

#[test]
fn a_vmac_that_a_crash_has_left_on_another_interface_is_made_anew() {
    let mut bench = Bench::new(elsewhere());
    bench.kernel().create_link(&link()).unwrap();
    bench.router.start(bench.now);
    bench.pass(Duration::from_secs(4));
    let expected = [(ETH1.index, "vrrp.51".to_owned(), true)];
    assert_eq!(stands(&mut bench, SECOND_VIP), expected);
}

#[test]
fn a_vmac_that_could_not_be_brought_up_is_brought_up_when_its_address_is_free() {
    let mut bench = Bench::new(elsewhere());
    let other = VirtualLink {
        name: "other".into(),
        parent: ETH1.index,
        ..link()
    };
    bench.kernel().create_link(&other).unwrap();
    bench.kernel().bring_up("other", MARK).unwrap();
    bench.router.start(bench.now);
    bench.pass(Duration::from_secs(4));
    assert!(!stands(&mut bench, SECOND_VIP)[0].2);
    bench.kernel().remove_link("other").unwrap();
    bench.tell(Event::Link(ETH1.link()));
    assert!(stands(&mut bench, SECOND_VIP)[0].2);
}

#[test]
fn below_an_ipvlan_nobody_asks_for_a_client_from_the_virtual_address() {
    let path = "net/ipv4/conf/eth0/arp_announce";
    let config = VrrpInstance {
        use_ipvlan: Some(UseIpvlan::default()),
        ..config()
    };
    let mut bench = Bench::started(vec![config]);
    let set = ("2".to_owned(), Afterwards::AsBefore);
    assert_eq!(bench.kernel().sysctls.get(path), Some(&set));
    let mut bench = Bench::started(vmac(false));
    assert_eq!(bench.kernel().sysctls.get(path), None);
}

#[test]
fn the_address_of_an_ipvlan_stands_there_all_the_time_and_adverts_come_from_it() {
    let of = |address: Option<&str>| VrrpInstance {
        use_ipvlan: Some(UseIpvlan {
            address: address.map(|it| it.parse().unwrap()),
            ..UseIpvlan::default()
        }),
        ..config()
    };
    let source = |address| Setup::from(vec![of(address)]).instances[0].source;
    assert_eq!(source(Some("10.0.0.5/24")), "10.0.0.5".parse().ok());
    assert_eq!(source(None), None);
    assert_eq!(source(Some("fe80::5/64")), None, "of the other family");

    let (with, without) = (vec![of(Some("10.0.0.5/24"))], vec![of(None)]);
    let mut bench = Bench::started(with.clone());
    let own = |bench: &mut Bench| {
        let addresses = bench.kernel().addresses.clone();
        addresses
            .iter()
            .filter(|it| it.address.to_string() == "10.0.0.5/24")
            .count()
    };
    assert_eq!(bench.states(), [State::Backup]);
    assert_eq!(own(&mut bench), 1);
    bench.reload(with.clone(), without.clone());
    assert_eq!(own(&mut bench), 0);
    bench.reload(without, with);
    assert_eq!(own(&mut bench), 1);
}

#[test]
fn an_ipvlan_that_a_crash_has_left_is_used_again() {
    let setup = Setup::from(vec![VrrpInstance {
        use_ipvlan: Some(UseIpvlan::default()),
        ..config()
    }]);
    let mut bench = Bench::new(setup);
    bench.kernel().links.push(Link {
        index: 9,
        name: "vrrp.51".into(),
        kind: LinkKind::Ipvlan {
            parent: ETH0.index,
            flags: IpvlanFlags::Bridge,
        },
        ..ETH0.link()
    });
    bench.router.start(bench.now);
    bench.router.stop(bench.now);
    let seen = bench.journal.take();
    let removed = Seen::LinkRemoved("vrrp.51".into());
    assert!(seen.contains(&removed), "{seen:?}");
}

#[test]
fn a_filter_that_somebody_flushes_is_back_within_a_second_and_counted() {
    let config = VrrpInstance {
        accept: false,
        ..config()
    };
    let mut bench = Bench::master(vec![config]);
    let blocks = |bench: &Bench| {
        let seen = bench.journal.take();
        let blocked = |it: &&Seen| matches!(it, Seen::Blocked(..));
        seen.iter().filter(blocked).count()
    };
    bench.pass(Duration::from_secs(3));
    assert_eq!(blocks(&bench), 0, "it is there");
    bench.kernel().flushed = true;
    bench.pass(Duration::from_secs(1));
    assert_eq!(blocks(&bench), 1);
    assert_eq!(bench.status().stats.filter_restored, 1);
}

#[test]
fn a_filter_that_cannot_be_put_back_is_not_counted_before_it_is() {
    let config = VrrpInstance {
        accept: false,
        ..config()
    };
    let mut bench = Bench::master(vec![config]);
    bench.kernel().flushed = true;
    bench.kernel().refuses_filters = true;
    bench.pass(Duration::from_secs(3));
    assert_eq!(bench.status().stats.filter_restored, 0);
    bench.kernel().refuses_filters = false;
    bench.pass(Duration::from_secs(1));
    assert_eq!(bench.status().stats.filter_restored, 1);
}

#[test]
fn a_filter_that_cannot_be_made_at_first_is_made_when_it_can_be_and_goes_at_the_end() {
    let config = VrrpInstance {
        accept: false,
        ..config()
    };
    let mut bench = Bench::new(vec![config]);
    // There is none, either.
    bench.kernel().flushed = true;
    bench.kernel().refuses_filters = true;
    bench.router.start(bench.now);
    bench.pass(Duration::from_secs(4));
    assert_eq!(bench.states(), [State::Master]);
    let blocked = |it: &Seen| matches!(it, Seen::Blocked(..));
    assert!(!bench.journal.take().iter().any(blocked));
    bench.kernel().refuses_filters = false;
    bench.pass(Duration::from_secs(1));
    assert!(bench.journal.take().iter().any(blocked));
    bench.router.stop(bench.now);
    let unblocked = |it: &Seen| matches!(it, Seen::Unblocked(_));
    assert!(bench.journal.take().iter().any(unblocked));
}

#[test]
fn a_vmac_that_somebody_removes_is_made_again_and_one_that_nobody_wants_is_not() {
    let mut bench = Bench::master(vmac(false));
    let gone = |bench: &mut Bench| {
        let index = 100 + ETH0.index;
        bench.kernel().links.retain(|it| it.index != index);
        let name = "vrrp.51".into();
        bench.tell(Event::LinkGone { index, name });
        bench.journal.take()
    };
    assert!(gone(&mut bench).contains(&Seen::LinkMade(link())));
    assert_eq!(bench.status().stats.vmac_restored, 1);
    bench.reload(vmac(false), vec![config()]);
    let made = |it: &Seen| matches!(it, Seen::LinkMade(_));
    assert!(!gone(&mut bench).iter().any(made));
}

/// Two instances of one id on two interfaces: the numbers in the names of their VMACs depend on which
/// comes first.
fn two_of_an_id() -> [VrrpInstance; 2] {
    let first = VrrpInstance {
        use_vmac: Some(UseVmac::default()),
        ..config()
    };
    let second = VrrpInstance {
        name: "VI_2".into(),
        interface: "eth1".into(),
        virtual_ipaddress: vec![virtual_address(SECOND_VIP, "eth1")],
        ..first.clone()
    };
    [first, second]
}

#[test]
fn a_reload_that_only_moves_lines_touches_no_interface_and_no_address() {
    let [first, second] = two_of_an_id();
    let mut bench = Bench::master(vec![first.clone(), second.clone()]);
    let before = bench.kernel().addresses.clone();
    bench.reload(
        vec![first.clone(), second.clone()],
        vec![second.clone(), first.clone()],
    );
    bench.pass(Duration::from_secs(5));
    let of_links = |seen: &Seen| {
        matches!(
            seen,
            Seen::LinkMade(_) | Seen::LinkRemoved(_) | Seen::Removed(_) | Seen::Added(_)
        )
    };
    let seen = bench.journal.take();
    assert!(!seen.iter().any(of_links), "{seen:?}");
    assert_eq!(bench.states(), [State::Master, State::Master]);
    assert_eq!(bench.kernel().addresses, before);
    // Who goes leaves the other one where it is.
    let mut kept = Setup::from(vec![second.clone(), first.clone()]);
    let running = Setup::from(vec![first, second.clone()]).complete();
    kept.keep_names(&running);
    bench.reload(kept, vec![second]);
    bench.pass(Duration::from_secs(5));
    let expected = [(ETH1.index, "vrrp1.51".to_owned(), true)];
    assert_eq!(stands(&mut bench, SECOND_VIP), expected);
    assert!(stands(&mut bench, "10.0.0.100/32").is_empty());
}

#[test]
fn what_is_in_the_way_goes_before_what_takes_its_place() {
    let named = |names: [&str; 2]| {
        let mut config = config();
        for (name, (address, dev)) in names
            .into_iter()
            .zip([(SECOND_VIP, "eth1"), ("10.0.0.101/32", "eth0")])
        {
            let mut address = virtual_address(address, dev);
            address.options.use_vmac = Some(UseVmac {
                name: Some(name.into()),
                ..UseVmac::default()
            });
            config.virtual_ipaddress.push(address);
        }
        vec![config]
    };
    // Names are exchanged: neither can be made while the other one stands. A new name for the same
    // Ethernet address: it cannot be brought up while the old one is.
    for (after, gone, made) in [
        (["b", "a"], ["a", "b"], ["a", "b"]),
        (["c", "b"], ["a", "a"], ["c", "c"]),
    ] {
        let mut bench = Bench::master(named(["a", "b"]));
        bench.reload(named(["a", "b"]), named(after));
        let seen = bench.journal.take();
        let gone = gone.map(|name| {
            let gone = Seen::LinkRemoved(name.into());
            seen.iter().position(|it| *it == gone).unwrap()
        });
        let made = made.map(|name| {
            let is_it = |it: &Seen| matches!(it, Seen::LinkMade(link) if link.name == name);
            seen.iter().position(is_it).unwrap()
        });
        assert!(gone.iter().max() < made.iter().min(), "{seen:?}");
        assert_eq!(bench.states(), [State::Master]);
        let expected = [(ETH1.index, after[0].to_owned(), true)];
        assert_eq!(stands(&mut bench, SECOND_VIP), expected);
        let expected = [(ETH0.index, after[1].to_owned(), true)];
        assert_eq!(stands(&mut bench, "10.0.0.101/32"), expected);
    }
}
