//! What is served from an interface below: as far as there is room for tags, not against what an earlier
//! agent has left, and given back as it was found. The kernel need not have VLANs: the interface above is
//! a veth, which the program takes for one.

use std::collections::BTreeMap;

use anyhow::Context as _;
use lb_agent::config::model::FlowTableSize;
use lb_agent::dataplane::below::Below;
use lb_agent::net::link::{Link, LinkKind};
use lb_common::limits::MAX_VLANS;
use lb_common::vlan::{CUSTOMER, MOST_TAGS, Tag, VlanKey};

use super::*;

/// The interface above [`INTERFACE`].
const ABOVE: &str = "above";
const ID: u16 = 10;

const SMALL: FlowTableSize = FlowTableSize {
    ipv4: 1024,
    ipv6: 1024,
};

const TAGS: [Tag; MOST_TAGS] = {
    let mut tags = [Tag::NONE; MOST_TAGS];
    tags[0] = Tag::new(CUSTOMER, ID);
    tags
};

/// Runs `test` with both interfaces; frames come with their tags, and the driver below takes packets.
fn with_both(test: impl FnOnce(&Namespace, &Pins) -> Result<()> + Send) -> Result<()> {
    if skipped(&[Need::Program("ethtool")]) {
        return Ok(());
    }
    in_namespace(|namespace, pins| {
        namespace.ip(&format!("link add name {ABOVE} type veth peer name far"))?;
        namespace.ip(&format!("link set dev {ABOVE} up"))?;
        for (interface, what) in [(INTERFACE, ["rxvlan", "off"]), ("peer", ["gro", "on"])] {
            let mut ethtool = Command::new("ethtool");
            ethtool.args(["-K", interface]).args(what);
            namespace.run(&mut ethtool)?;
        }
        test(namespace, pins)
    })
}

fn load(namespace: &Namespace, size: FlowTableSize) -> Result<Plane> {
    let times = Times::of(&GlobalDefs::default());
    Ok(Plane::load(
        namespace.name(),
        size,
        times,
        &Numbers::default(),
    )?)
}

fn link_of(name: &str) -> Result<Link> {
    let link = link::by_index(&mut Connection::open()?, if_nametoindex(name)?)?;
    link.context("the interface is gone")
}

/// The interface below for what arrives there.
fn base(mode: XdpMode) -> Result<Wanted> {
    Ok(Wanted {
        link: link_of(INTERFACE)?,
        ingress: true,
        egress: false,
        need: Wish::Packets,
        mode,
        native: Native::Itself,
    })
}

/// The one above, where packets leave and, if it is needed for them, arrive.
fn above(need: Wish, mode: XdpMode) -> Result<Wanted> {
    let below = link_of(INTERFACE)?;
    let kind = LinkKind::Vlan {
        parent: below.index,
        id: ID,
        ether_type: CUSTOMER,
    };
    Ok(Wanted {
        link: Link {
            kind,
            ..link_of(ABOVE)?
        },
        ingress: need == Wish::Packets,
        egress: true,
        need,
        mode,
        native: Native::Below(Below {
            tags: TAGS,
            arrivals: vec![below.clone()],
            confused: None,
            link: below,
        }),
    })
}

/// Where packets that leave by the interface above are sent, and whether with a tag.
fn exit(pins: &Pins) -> Result<(u32, bool)> {
    let exits = Maps::open(pins)?.exits();
    let exit = exits.get(&if_nametoindex(ABOVE)?).context("no exit")?;
    Ok((exit.port(), exit.is_tagged()))
}

#[test]
fn a_vlan_that_finds_no_room_has_generic_mode_until_there_is_some() -> Result<()> {
    with_both(|namespace, pins| {
        let mut plane = load(namespace, SMALL)?;
        let mut maps = Maps::open(pins)?;
        let full: BTreeMap<VlanKey, u32> = (0..MAX_VLANS)
            .map(|number| {
                let key = VlanKey {
                    ifindex: 1_000_000 + number,
                    outer: TAGS[0],
                    inner: Tag::NONE,
                };
                (key, 1)
            })
            .collect();
        maps.set_vlans(&full)?;
        let vlan = above(Wish::Packets, XdpMode::Auto)?;
        let index = vlan.link.index;
        let wanted = [vlan];
        for _ in 0..2 {
            let ports = plane.open(&wanted);
            ensure!(ports[&index].program == Ok(Mode::Generic), "{ports:?}");
            let why = ports[&index].not_native.as_deref().unwrap_or_default();
            ensure!(why.contains("has no room for one more VLAN"), "{why}");
        }
        ensure!(maps.vlans() == full);
        // What nobody wants any more goes.
        plane.close(&wanted)?;
        ensure!(maps.vlans().is_empty());
        let ports = plane.open(&wanted);
        ensure!(ports[&index].program == Ok(Mode::Native), "{ports:?}");
        ensure!(maps.vlans().values().eq([&index]));
        plane.close(&wanted)?;
        ensure!(plane.remove().is_empty());
        Ok(())
    })
}

#[test]
fn packets_do_not_leave_by_a_driver_whose_program_is_about_to_go() -> Result<()> {
    with_both(|namespace, pins| {
        let mut plane = load(namespace, SMALL)?;
        let mut vlan = above(Wish::Packets, XdpMode::Auto)?;
        let (index, below) = (vlan.link.index, if_nametoindex(INTERFACE)?);
        let ports = plane.open(std::slice::from_ref(&vlan));
        let driver = ports[&index].driver.as_ref();
        ensure!(driver.is_some_and(|it| it.index == below), "{ports:?}");
        ensure!(exit(pins)? == (below, true));
        plane.close(std::slice::from_ref(&vlan))?;
        // The card takes tags off now, say.
        if let Native::Below(below) = &mut vlan.native {
            below.confused = Some("its tags are gone".to_owned());
        }
        let ports = plane.open(std::slice::from_ref(&vlan));
        ensure!(ports[&index].program == Ok(Mode::Generic), "{ports:?}");
        ensure!(ports[&index].driver.is_none(), "{ports:?}");
        ensure!(exit(pins)? == (index, false));
        plane.close(std::slice::from_ref(&vlan))?;
        ensure!(exit(pins)? == (index, false));
        wait_until_free(namespace, INTERFACE)?;
        ensure!(plane.remove().is_empty());
        Ok(())
    })
}

#[test]
fn a_driver_that_refuses_is_not_asked_again_and_one_that_was_occupied_is() -> Result<()> {
    with_both(|namespace, _| {
        let mut plane = load(namespace, SMALL)?;
        let mut program = |mtu: u32, need| -> Result<_> {
            namespace.ip(&format!("link set dev {INTERFACE} mtu {mtu}"))?;
            let vlan = above(need, XdpMode::Auto)?;
            let index = vlan.link.index;
            let mut ports = plane.open(&[vlan]);
            Ok(ports.remove(&index).context("no port")?.program)
        };
        // A veth looks at its peer's MTU.
        namespace.ip("link set dev peer mtu 9000")?;
        ensure!(program(1500, Wish::Driver)?.is_err());
        namespace.ip("link set dev peer mtu 1500")?;
        ensure!(program(1500, Wish::Driver)?.is_err(), "asked again");
        ensure!(program(1400, Wish::Driver)? == Ok(Mode::Native));
        ensure!(plane.remove().is_empty());
        wait_until_free(namespace, INTERFACE)?;

        let pins = Pins::of(&format!("{}-other", namespace.name()));
        let mut other = Agent::start(&pins)?;
        other.attach(&pins, INTERFACE, XdpMode::Native)?;
        let mut plane = load(namespace, SMALL)?;
        let vlan = above(Wish::Packets, XdpMode::Auto)?;
        let index = vlan.link.index;
        let wanted = [vlan];
        let ports = plane.open(&wanted);
        drop(other);
        pins.remove()?;
        ensure!(ports[&index].program == Ok(Mode::Generic), "{ports:?}");
        wait_until_free(namespace, INTERFACE)?;
        let ports = plane.open(&wanted);
        ensure!(ports[&index].program == Ok(Mode::Native), "{ports:?}");
        ensure!(plane.remove().is_empty());
        Ok(())
    })
}

#[test]
fn what_runs_below_in_generic_mode_is_taken_over_before_a_vlan_wants_it_native() -> Result<()> {
    with_both(|namespace, _| {
        let mut first = load(namespace, SMALL)?;
        let wanted = [base(XdpMode::Generic)?];
        let index = wanted[0].link.index;
        let ports = first.open(&wanted);
        ensure!(ports[&index].program == Ok(Mode::Generic), "{ports:?}");
        drop(first);
        let mut next = load(namespace, SMALL)?;
        let wanted = [above(Wish::Driver, XdpMode::Auto)?, base(XdpMode::Auto)?];
        let ports = next.open(&wanted);
        ensure!(ports[&index].program == Ok(Mode::Generic), "{ports:?}");
        next.close(&wanted)?;
        ensure!(next.remove().is_empty());
        Ok(())
    })
}

#[test]
fn who_does_not_run_after_all_gives_back_where_packets_leave() -> Result<()> {
    with_both(|namespace, pins| {
        let below = if_nametoindex(INTERFACE)?;
        let mut first = load(namespace, SMALL)?;
        first.open(&[above(Wish::Packets, XdpMode::Auto)?]);
        ensure!(exit(pins)? == (below, true));
        let vlans = Maps::open(pins)?.vlans();
        drop(first);
        let mut next = load(namespace, SMALL)?;
        next.open(&[above(Wish::Packets, XdpMode::Generic)?]);
        ensure!(exit(pins)? == (if_nametoindex(ABOVE)?, false));
        let changed = next.give_back();
        ensure!(changed.as_ref().is_some_and(Vec::is_empty), "{changed:?}");
        ensure!(exit(pins)? == (below, true));
        ensure!(Maps::open(pins)?.vlans() == vlans);
        ensure!(program_on(namespace, INTERFACE)?.is_some());
        drop(next);
        pins.remove()?;
        Ok(())
    })
}

#[test]
fn who_does_not_run_after_all_says_what_another_flow_table_has_cost() -> Result<()> {
    in_namespace(|namespace, pins| {
        drop(load(namespace, SMALL)?);
        let given_back = load(namespace, SMALL)?.give_back();
        ensure!(
            given_back.as_ref().is_some_and(Vec::is_empty),
            "{given_back:?}"
        );
        let larger = FlowTableSize {
            ipv4: 4096,
            ..SMALL
        };
        let given_back = load(namespace, larger)?.give_back().unwrap_or_default();
        ensure!(given_back.len() == 1, "{given_back:?}");
        let said = given_back.concat();
        ensure!(said.contains("`xdp_flow_table_size`"), "{said}");
        pins.remove()?;
        Ok(())
    })
}
