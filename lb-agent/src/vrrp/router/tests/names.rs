//! Interfaces of somebody else that have the name of a VMAC.

use super::*;
use crate::config::model::{UseIpvlan, UseVmac};
use crate::net::link::LinkKind;
use crate::net::virtual_link::IpvlanFlags;
use crate::vrrp::status::Reason;

const NAME: &str = "vrrp.51";

fn with_vmac(xmit_base: bool) -> Vec<VrrpInstance> {
    vec![VrrpInstance {
        use_vmac: Some(UseVmac::default()),
        vmac_xmit_base: xmit_base,
        ..config()
    }]
}

/// An interface with the name of the VMAC, and an address that it should have.
fn foreign() -> Link {
    Link {
        index: 77,
        name: NAME.into(),
        mac: [2, 0, 0, 0, 0, 7],
        ..ETH0.link()
    }
}

fn faults(bench: &Bench) -> Vec<Reason> {
    bench.status().faults
}

/// Whether anything was done to the foreign interface or in its name.
fn touched(seen: &[Seen]) -> bool {
    seen.iter().any(|it| match it {
        Seen::Advert { index, .. } | Seen::Frame { index, .. } => *index == 77,
        Seen::Added(address) | Seen::Removed(address) => address.index == 77,
        Seen::LinkMade(_) | Seen::LinkRemoved(_) => true,
        _ => false,
    })
}

#[test]
fn an_instance_whose_vmac_has_anothers_name_is_in_fault_and_touches_nothing_of_it() {
    for xmit_base in [false, true] {
        let mut bench = Bench::new(with_vmac(xmit_base));
        bench.kernel().links.push(foreign());
        let theirs = on(77, "10.0.0.100/32");
        bench.kernel().addresses.push(theirs.clone());
        bench.router.start(bench.now);
        bench.pass(Duration::from_secs(10));
        bench.tell(Event::Link(ETH0.link()));
        bench.tell(Event::Link(foreign()));
        assert_eq!(bench.states(), [State::Fault]);
        assert!(faults(&bench).contains(&Reason::VmacNameTaken));
        bench.router.stop(bench.now);
        let seen = bench.journal.take();
        assert!(!touched(&seen), "{seen:?}");
        assert!(bench.kernel().addresses.contains(&theirs));
    }
}

#[test]
fn when_the_name_is_free_the_vmac_is_made_and_the_instance_takes_part() {
    let freed: [fn(&mut Bench); 2] = [
        |bench| {
            bench.kernel().links.retain(|link| link.index != 77);
            let (index, name) = (77, NAME.into());
            bench.tell(Event::LinkGone { index, name });
        },
        |bench| {
            bench.kernel().links.retain(|link| link.index != 77);
            bench.tell(Event::Link(Link {
                name: "other".into(),
                ..foreign()
            }));
        },
    ];
    for free in freed {
        let mut bench = Bench::new(with_vmac(false));
        bench.kernel().links.push(foreign());
        bench.router.start(bench.now);
        free(&mut bench);
        let made = |it: &&Seen| matches!(it, Seen::LinkMade(_));
        assert_eq!(bench.journal.take().iter().filter(made).count(), 1);
        let link = bench.kernel().links.iter().find(|it| it.name == NAME);
        let link = link.unwrap().clone();
        assert!(matches!(link.kind, LinkKind::Macvlan { .. }));
        bench.tell(Event::Link(link));
        assert_eq!(faults(&bench), []);
        bench.pass(Duration::from_secs(4));
        assert_eq!(bench.states(), [State::Master]);
    }
}

#[test]
fn a_master_that_is_to_have_a_vmac_whose_name_is_taken_lets_go_and_sets_nothing_there() {
    let mut bench = Bench::new(vec![config()]);
    bench.kernel().links.push(foreign());
    bench.router.start(bench.now);
    bench.pass(Duration::from_secs(4));
    assert_eq!(bench.states(), [State::Master]);
    bench.journal.take();
    for after in [with_vmac(true), with_vmac(false)] {
        bench.reload(vec![config()], after.clone());
        assert_eq!(bench.states(), [State::Fault]);
        assert!(faults(&bench).contains(&Reason::VmacNameTaken));
        let seen = bench.journal.take();
        assert!(!touched(&seen), "{seen:?}");
        bench.reload(after, vec![config()]);
        bench.pass(Duration::from_secs(4));
        assert_eq!(bench.states(), [State::Master], "and back");
        bench.journal.take();
    }
}

#[test]
fn an_address_with_a_vmac_whose_name_is_taken_is_not_set_there_at_a_reload() {
    let mut address = config().virtual_ipaddress[0].clone();
    address.address = "192.0.2.100/32".parse().unwrap();
    address.dev = "eth1".into();
    address.options.use_vmac = Some(UseVmac::default());
    let mut with = config();
    with.virtual_ipaddress.push(address);
    let mut bench = Bench::new(vec![config()]);
    bench.kernel().links.push(foreign());
    bench.router.start(bench.now);
    bench.pass(Duration::from_secs(4));
    bench.journal.take();
    bench.reload(vec![config()], vec![with]);
    assert_eq!(bench.states(), [State::Fault]);
    let seen = bench.journal.take();
    assert!(!touched(&seen), "{seen:?}");
}

/// The interface below comes only now.
fn eth0_comes(bench: &mut Bench) {
    bench.kernel().links.push(ETH0.link());
    bench.tell(Event::Link(ETH0.link()));
}

#[test]
fn a_macvlan_of_somebody_else_is_found_out_without_the_interface_below_and_when_that_comes() {
    for mac in [foreign().mac, [0, 0, 0x5e, 0, 1, 51]] {
        let is_theirs = mac == foreign().mac;
        let mut bench = Bench::new(with_vmac(false));
        bench.kernel().links.retain(|it| it.index != ETH0.index);
        bench.kernel().links.push(Link {
            mac,
            kind: LinkKind::Macvlan { parent: ETH1.index },
            ..foreign()
        });
        bench.router.start(bench.now);
        bench.pass(Duration::from_secs(10));
        assert_eq!(bench.states(), [State::Fault]);
        assert!(faults(&bench).contains(&Reason::VmacNameTaken));
        eth0_comes(&mut bench);
        assert_eq!(faults(&bench).contains(&Reason::VmacNameTaken), is_theirs);
        let seen = bench.journal.take();
        assert_eq!(!touched(&seen), is_theirs, "what we left is made anew");
        if is_theirs {
            bench.pass(Duration::from_secs(10));
            assert_eq!(bench.states(), [State::Fault]);
        }
    }
}

#[test]
fn a_name_is_judged_again_when_the_interface_below_gets_its_own() {
    let mut bench = Bench::new(with_vmac(false));
    bench.kernel().links[0] = Link {
        name: "lan".into(),
        ..ETH0.link()
    };
    bench.kernel().links.push(Link {
        mac: [0, 0, 0x5e, 0, 1, 51],
        kind: LinkKind::Macvlan { parent: ETH0.index },
        ..foreign()
    });
    bench.router.start(bench.now);
    assert!(faults(&bench).contains(&Reason::VmacNameTaken));
    bench.kernel().links[0] = ETH0.link();
    bench.tell(Event::Link(ETH0.link()));
    assert!(!faults(&bench).contains(&Reason::VmacNameTaken));
}

/// A VMAC of that name for VRID 99.
fn of_another_router(parent: u32) -> Link {
    Link {
        mac: [0, 0, 0x5e, 0, 1, 99],
        kind: LinkKind::Macvlan { parent },
        ..foreign()
    }
}

/// As `use_ipvlan` makes it.
fn ipvlan(parent: u32) -> LinkKind {
    let flags = IpvlanFlags::Bridge;
    LinkKind::Ipvlan { parent, flags }
}

/// One that `use_vmac vrrp.51 02:00:00:00:00:07` has left, or `use_ipvlan vrrp.51 eth1`.
fn marked(kind: LinkKind) -> Link {
    Link {
        kind,
        alias: Some(MARK.into()),
        ..foreign()
    }
}

#[test]
fn what_an_earlier_run_has_left_for_another_virtual_router_is_made_anew() {
    let [eth0, eth1] = [ETH0, ETH1].map(|port| port.index);
    for left in [
        marked(LinkKind::Macvlan { parent: eth0 }),
        marked(LinkKind::Macvlan { parent: eth1 }),
        marked(ipvlan(eth0)),
    ] {
        let mut bench = Bench::new(with_vmac(false));
        bench.kernel().links.push(left);
        bench.router.start(bench.now);
        bench.pass(Duration::from_secs(4));
        assert_eq!(bench.states(), [State::Master]);
        let seen = bench.journal.take();
        let made = |it: &&Seen| matches!(it, Seen::LinkMade(_));
        assert!(seen.contains(&Seen::LinkRemoved(NAME.into())), "{seen:?}");
        assert_eq!(seen.iter().filter(made).count(), 1, "{seen:?}");
    }
}

/// Another instance of the agent on this host, or a keepalived, which run; the second has the Ethernet
/// address of the same VRID.
#[test]
fn what_another_agent_has_under_the_name_is_left_alone() {
    let parent = ETH1.index;
    let anothers = |link: Link| Link {
        alias: Some("lb-agent two".into()),
        ..link
    };
    for theirs in [
        anothers(marked(LinkKind::Macvlan { parent })),
        anothers(Link {
            mac: [0, 0, 0x5e, 0, 1, 51],
            ..marked(LinkKind::Macvlan { parent })
        }),
        anothers(marked(ipvlan(parent))),
        of_another_router(parent),
    ] {
        let mut bench = Bench::new(with_vmac(false));
        bench.kernel().links.push(theirs);
        bench.router.start(bench.now);
        bench.pass(Duration::from_secs(4));
        assert_eq!(bench.states(), [State::Fault]);
        assert!(faults(&bench).contains(&Reason::VmacNameTaken));
        let seen = bench.journal.take();
        assert!(!touched(&seen), "{seen:?}");
    }
}

#[test]
fn what_was_removed_and_cannot_be_made_anew_is_missing() {
    let mut bench = Bench::new(with_vmac(false));
    let parent = ETH0.index;
    bench
        .kernel()
        .links
        .push(marked(LinkKind::Macvlan { parent }));
    bench.kernel().refuses_links = true;
    bench.router.start(bench.now);
    let (index, name) = (foreign().index, NAME.into());
    bench.tell(Event::LinkGone { index, name });
    bench.pass(Duration::from_secs(10));
    assert_eq!(bench.states(), [State::Fault]);
    assert!(faults(&bench).contains(&Reason::InterfaceMissing));
}

fn with_ipvlan(mode: Option<&str>) -> Vec<VrrpInstance> {
    let use_ipvlan = UseIpvlan {
        mode: mode.map(str::to_owned),
        ..UseIpvlan::default()
    };
    vec![VrrpInstance {
        use_ipvlan: Some(use_ipvlan),
        ..config()
    }]
}

#[test]
fn an_ipvlan_that_an_earlier_run_has_left_in_another_mode_is_made_anew() {
    for (mode, anew) in [(None, false), (Some("bridge"), false), (Some("vepa"), true)] {
        let mut bench = Bench::new(with_ipvlan(mode));
        bench.kernel().links.push(marked(ipvlan(ETH0.index)));
        bench.router.start(bench.now);
        assert_eq!(touched(&bench.journal.take()), anew, "{mode:?}");
        bench.pass(Duration::from_secs(4));
        assert_eq!(bench.states(), [State::Master], "{mode:?}");
    }
}

#[test]
fn an_ipvlan_that_an_earlier_run_has_left_elsewhere_is_made_anew_and_somebody_elses_is_not() {
    let parent = ETH1.index;
    for is_ours in [true, false] {
        let mut bench = Bench::new(with_ipvlan(None));
        let link = marked(ipvlan(parent));
        let alias = link.alias.clone().filter(|_| is_ours);
        bench.kernel().links.push(Link { alias, ..link });
        bench.router.start(bench.now);
        assert_eq!(faults(&bench).contains(&Reason::VmacNameTaken), !is_ours);
        let seen = bench.journal.take();
        assert_eq!(touched(&seen), is_ours, "{seen:?}");
        let kinds = bench
            .kernel()
            .links
            .iter()
            .find(|it| it.name == NAME)
            .map(|it| it.kind.clone());
        let parent = if is_ours { ETH0.index } else { ETH1.index };
        assert_eq!(kinds, Some(ipvlan(parent)));
    }
}

#[test]
fn what_somebody_makes_for_another_virtual_router_while_we_run_is_left_alone() {
    let mut bench = Bench::new(vec![config()]);
    bench.router.start(bench.now);
    bench.pass(Duration::from_secs(4));
    let theirs = of_another_router(ETH0.index);
    bench.kernel().links.push(theirs.clone());
    bench.tell(Event::Link(theirs));
    bench.journal.take();
    bench.reload(vec![config()], with_vmac(false));
    assert_eq!(bench.states(), [State::Fault]);
    assert!(faults(&bench).contains(&Reason::VmacNameTaken));
    let seen = bench.journal.take();
    assert!(!touched(&seen), "{seen:?}");
}
