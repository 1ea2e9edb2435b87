//! Version 3, IPv6 and AH: whole packets out, and in again.

use super::*;
use crate::vrrp::settings::{Authentication, Version, VirtualAddress};
use crate::wire::ndisc;

const LINK_LOCAL: &str = "fe80::ff:fe00:1";

fn packets(bench: &Bench) -> Vec<Vec<u8>> {
    let seen = bench.journal.take().into_iter();
    seen.filter_map(|seen| match seen {
        Seen::Advert { packet, .. } => Some(packet),
        _ => None,
    })
    .collect()
}

fn bytes(hex: &str) -> Vec<u8> {
    let digits: String = hex.split_whitespace().collect();
    let pairs = (0..digits.len()).step_by(2);
    pairs
        .map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap())
        .collect()
}

fn router(change: impl Fn(&mut VirtualRouter)) -> Setup {
    let mut setup = Setup::from(vec![config()]);
    change(&mut setup.instances[0]);
    setup.instances[0].settle();
    setup
}

fn vip(text: &str) -> VirtualAddress {
    VirtualAddress::new(text.parse().unwrap(), "eth0")
}

fn version_3() -> Setup {
    router(|router| {
        router.virtual_router_id = 10;
        router.version = Version::V3;
        router.advert_int = Duration::from_millis(500);
        router.virtual_ipaddress = vec![vip("10.0.0.100/32"), vip("10.0.0.101/32")];
    })
}

fn six() -> Setup {
    router(|router| {
        router.virtual_router_id = 11;
        router.priority = 200;
        router.virtual_ipaddress = vec![vip("fe80::1234/64"), vip("fd00::100/64")];
    })
}

/// eth0 with a link-local address.
fn master_of_six() -> Bench {
    let mut bench = Bench::new(six());
    bench
        .kernel()
        .addresses
        .push(on(ETH0.index, &format!("{LINK_LOCAL}/64")));
    bench.router.start(bench.now);
    bench.pass(Duration::from_secs(4));
    bench
}

fn ah() -> Setup {
    router(|router| {
        router.virtual_router_id = 12;
        router.priority = 120;
        router.authentication = Some(Authentication::Ah(b"secret12".to_vec()));
    })
}

#[test]
fn a_packet_of_version_3_is_keepaliveds_byte_for_byte() {
    let mut bench = Bench::started(version_3());
    bench.pass(Duration::from_secs(2));
    let golden = "45c0002400010000ff70d0950a000001e0000012 310a640200326b64 0a000064 0a000065";
    assert_eq!(packets(&bench)[0], bytes(golden));
}

#[test]
fn a_packet_with_an_authentication_header_is_keepaliveds_byte_for_byte() {
    let mut bench = Bench::started(ah());
    bench.pass(Duration::from_secs(5));
    let golden = "45c0004000010000ff33d0b60a000001e0000012 700400000a00000100000001 \
                  7896950edfe443c9288a1c1b 210c780102015a8d 0a000064 0000000000000000";
    let packets = packets(&bench);
    assert_eq!(packets[0], bytes(golden));
    assert_eq!(packets[1][28..32], [0, 0, 0, 2], "the next number");
}

#[test]
fn a_packet_over_ipv6_has_keepaliveds_payload() {
    let bench = master_of_six();
    let packet = &packets(&bench)[0];
    let golden = "310bc8020064faa8 fe800000000000000000000000001234 \
                  fd000000000000000000000000000100";
    assert_eq!(packet[40..], bytes(golden));
    assert_eq!(packet[..8], [0x6c, 0, 0, 0, 0, 40, 112, 255]);
}

#[test]
fn ipv6_addresses_are_announced_by_advertisements_to_all_nodes() {
    let bench = master_of_six();
    let vip = "fd00::100".parse().unwrap();
    assert!(bench.journal.take().contains(&Seen::Frame {
        index: ETH0.index,
        frame: ndisc::unsolicited_advertisement(ETH0.mac, vip, false).to_vec()
    }));
}

#[test]
fn ipv6_without_a_link_local_address_is_a_fault_and_a_tentative_one_does_not_count() {
    let mut bench = Bench::started(six());
    assert_eq!(bench.states(), [State::Fault]);
    let mut address = on(ETH0.index, &format!("{LINK_LOCAL}/64"));
    address.tentative = true;
    bench.kernel().addresses.push(address.clone());
    bench.tell(Event::AddressAdded(address.clone()));
    assert_eq!(bench.states(), [State::Fault]);
    bench.kernel().addresses.pop();
    address.tentative = false;
    bench.kernel().addresses.push(address.clone());
    bench.tell(Event::AddressAdded(address));
    assert_eq!(bench.states(), [State::Backup]);
}

#[test]
fn a_backup_adopts_the_interval_of_a_version_3_master() {
    let mut bench = Bench::started(version_3());
    let golden = "45c0002400010000ff70d0950a000002e0000012 310a640200326b63 0a000064 0a000065";
    let mut packet = bytes(golden);
    packet[25] = 100; // centiseconds
    packet[26..28].copy_from_slice(&[0x6b, 0x31]);
    bench.router.handle_packet(ETH0.index, &packet, bench.now);
    let status = bench.status();
    assert_eq!(status.stats.advert_rcvd, 1, "{:?}", status.stats);
    assert_eq!(status.master_adver_int, Duration::from_secs(1));
}

/// What one router sends, another of the same settings at a higher address takes for good.
#[test]
fn what_we_send_we_accept() {
    let table = [(version_3(), 12), (ah(), 12)];
    for (setup, source_at) in table {
        let mut sender = Bench::started(setup.clone());
        sender.pass(Duration::from_secs(5));
        let mut receiver = Bench::started(setup);
        for packet in packets(&sender) {
            receiver
                .router
                .handle_packet(ETH0.index, &packet, receiver.now);
        }
        let stats = receiver.status().stats;
        assert!(stats.advert_rcvd >= 2, "{stats:?} {source_at}");
        assert_eq!(stats.auth_failure + stats.chk_err, 0, "{stats:?}");
    }
    let sender = master_of_six();
    let mut receiver = Bench::new(six());
    receiver
        .kernel()
        .addresses
        .push(on(ETH0.index, "fe80::9/64"));
    receiver.router.start(receiver.now);
    for packet in packets(&sender) {
        receiver
            .router
            .handle_packet(ETH0.index, &packet, receiver.now);
    }
    assert!(receiver.status().stats.advert_rcvd >= 1);
}

#[test]
fn an_authentication_header_is_not_taken_twice() {
    let mut sender = Bench::started(ah());
    sender.pass(Duration::from_secs(5));
    let mut receiver = Bench::started(ah());
    let packet = &packets(&sender)[0];
    for _ in 0..3 {
        receiver
            .router
            .handle_packet(ETH0.index, packet, receiver.now);
    }
    let stats = receiver.status().stats;
    assert_eq!((stats.advert_rcvd, stats.auth_failure), (1, 2));
}
