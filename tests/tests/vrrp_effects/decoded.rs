//! What Wireshark makes of everything that a MASTER sends but its adverts, which `vrrp_peers` shows it:
//! gratuitous ARP, neighbour advertisements, probes and solicitations, of interfaces and of a VMAC, and
//! the adverts of many instances.

use std::collections::BTreeSet;

use anyhow::{Result, ensure};
use lb_agent::vrrp::State;
use lb_tests::{Capture, Frame, Need, skipped, wait_until};

use crate::NEEDS;
use crate::pair::{PATIENCE, Pair, VIP, alone};
use crate::tshark::ensure_decoded;

const VRRP: &str = "Virtual Router Redundancy Protocol";
const ARP: &str = "Address Resolution Protocol";
const ICMP6: &str = "Internet Control Message Protocol v6";

fn instance(vrid: u8, lines: &str, vips: &str) -> String {
    format!(
        "vrrp_instance VI_{vrid} {{\n interface eth0\n virtual_router_id {vrid}\n \
         priority 100\n {lines}\n virtual_ipaddress {{\n{vips}\n}}\n}}\n"
    )
}

fn bytes(frame: &Frame, at: usize, length: usize) -> &[u8] {
    frame.bytes.get(at..at + length).unwrap_or_default()
}

fn ethertype(frame: &Frame) -> &[u8] {
    bytes(frame, 12, 2)
}

fn is_arp(frame: &Frame) -> bool {
    ethertype(frame) == [8, 6]
}

/// The address is asked for and nobody is said to ask (RFC 5227 2.1.1).
fn is_probe(frame: &Frame) -> bool {
    is_arp(frame) && bytes(frame, 28, 4) == [0; 4] && bytes(frame, 38, 4) == [10, 0, 0, 100]
}

/// `ICMPv6` of this type, without headers in between.
fn is_icmp6(frame: &Frame, of: u8) -> bool {
    ethertype(frame) == [0x86, 0xdd] && bytes(frame, 20, 1) == [58] && bytes(frame, 54, 1) == [of]
}

fn is_advert(frame: &Frame) -> bool {
    match ethertype(frame) {
        [8, 0] => bytes(frame, 23, 1) == [112],
        [0x86, 0xdd] => bytes(frame, 20, 1) == [112],
        _ => false,
    }
}

const NEIGHBOUR_SOLICITATION: u8 = 135;
const NEIGHBOUR_ADVERTISEMENT: u8 = 136;

#[test]
fn wireshark_has_nothing_to_remark_about_what_a_master_of_both_families_sends() -> Result<()> {
    if skipped(&NEEDS) || skipped(&[Need::Program("tcpdump")]) {
        return Ok(());
    }
    let _turn = alone();
    let pair = Pair::new()?;
    let wire = Capture::start(
        pair.ours_namespace(),
        "eth0",
        "out",
        "arp or icmp6 or ip proto 112 or ip6 proto 112",
    )?;
    let text = instance(66, "version 2", VIP)
        + &instance(67, "version 3", "fe80::100\nfd00::100")
        + &instance(68, "use_vmac", "10.0.0.101");
    let ours = pair.ours_from(&text)?;
    ours.wait_for_all(State::Master)?;
    // Somebody else answers for two of them: what is asked again, and what is said when it is over.
    let theirs = pair.theirs_namespace();
    theirs.ip(&format!("address add {VIP}/32 dev eth0"))?;
    theirs.ip("address add fd00::100/128 dev eth0 nodad")?;
    let rivals = |wanted: usize| {
        let seen = || {
            let statuses = ours.statuses().into_iter();
            statuses.filter(|it| it.split_brain.is_some()).count()
        };
        wait_until(PATIENCE, || (seen() == wanted).then_some(()))
    };
    ensure!(rivals(2).is_some(), "{:?}", ours.statuses());
    theirs.ip(&format!("address del {VIP}/32 dev eth0"))?;
    theirs.ip("address del fd00::100/128 dev eth0")?;
    ensure!(rivals(0).is_some(), "{:?}", ours.statuses());
    ours.stop();

    let frames = wire.finish()?;
    let count = |is: &dyn Fn(&Frame) -> bool| frames.iter().filter(|frame| is(frame)).count();
    let solicits = |frame: &Frame| is_icmp6(frame, NEIGHBOUR_SOLICITATION);
    let announces = |frame: &Frame| is_icmp6(frame, NEIGHBOUR_ADVERTISEMENT);
    let (solicitations, announcements) = (count(&solicits), count(&announces));
    let (arp, adverts) = (count(&is_arp), count(&is_advert));
    let probes = count(&is_probe);
    ensure!(
        probes >= 2 && arp >= probes + 10 && solicitations >= 2 && announcements >= 10,
        "{probes} probes of {arp} ARP, {solicitations} solicitations, {announcements} announcements"
    );
    let released = |frame: &Frame| {
        ethertype(frame) == [8, 0] && is_advert(frame) && bytes(frame, 36, 1) == [0]
    };
    ensure!(count(&released) >= 2, "it says that it stops");
    let neighbours = solicitations + announcements;
    ensure_decoded(&frames, &[(VRRP, adverts), (ARP, arp), (ICMP6, neighbours)])
}

#[test]
fn wireshark_has_nothing_to_remark_about_adverts_of_255_instances() -> Result<()> {
    if skipped(&NEEDS) || skipped(&[Need::Program("tcpdump")]) {
        return Ok(());
    }
    let _turn = alone();
    let pair = Pair::new()?;
    let mut text = String::new();
    for vrid in 1..=255_u8 {
        let version = if vrid.is_multiple_of(2) { 2 } else { 3 };
        let lines = format!("version {version}");
        text += &instance(vrid, &lines, &format!("10.0.1.{vrid}/32"));
    }
    let wire = Capture::start(pair.ours_namespace(), "eth0", "out", "ip proto 112")?;
    let ours = pair.ours_from(&text)?;
    let every = |frames: &[Frame]| {
        let vrids = frames.iter().map(|frame| bytes(frame, 35, 1));
        let vrids: BTreeSet<&[u8]> = vrids.collect();
        vrids.len() == 255
    };
    wire.wait_for(PATIENCE, every)?;
    ours.stop();
    let frames = wire.finish()?;
    ensure_decoded(&frames, &[(VRRP, frames.len())])
}
