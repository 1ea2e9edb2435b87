use netlink_packet_core::NetlinkSerializable as _;

use super::*;
use crate::net::attribute::attributes;
use crate::net::ipvs::golden::{self, hex, web};

fn bytes(change: &Change) -> Vec<u8> {
    let message = change.message(0x20);
    let mut bytes = vec![0; message.buffer_len()];
    message.serialize(&mut bytes);
    bytes
}

#[test]
fn services_are_made_and_changed_as_ipvsadm_does() {
    for (service, sent) in golden::services() {
        let mut sent = hex(sent);
        assert_eq!(
            bytes(&Change::NewService(service.clone())),
            sent,
            "{service:?}"
        );
        sent[0] = command::SET_SERVICE;
        assert_eq!(
            bytes(&Change::SetService(service.clone())),
            sent,
            "{service:?}"
        );
    }
}

#[test]
fn servers_are_made_changed_and_removed_as_ipvsadm_does() {
    for (server, sent) in golden::servers() {
        let sent = hex(sent);
        for (change, command) in [
            (Change::NewDestination(web(), server), command::NEW_DEST),
            (Change::SetDestination(web(), server), command::SET_DEST),
        ] {
            let ours = bytes(&change);
            assert_eq!(ours[..4], [command, 1, 0, 0]);
            let (_, named) = attributes(&ours[4..]).next().unwrap();
            assert_eq!(ours[8 + named.len()..], sent, "{server:?}");
        }
        let ours = bytes(&Change::DeleteDestination(web(), server.key));
        let (place, named) = attributes(&ours[4..]).nth(1).unwrap();
        assert_eq!(place, kind::DEST);
        assert!(sent[4..].starts_with(named), "{server:?}");
    }
}

#[test]
fn a_service_is_named_by_family_and_mark_or_by_family_protocol_address_and_port() {
    let key = golden::services()[2].0.key;
    let mark = hex("03010000 14000180 06000100 02000000 08000500 07000000");
    assert_eq!(bytes(&Change::DeleteService(key)), mark);
    let sent = hex(
        "03010000 30000180 06000100 02000000 06000200 06000000 14000300 c0000201 00000000 00000000
         00000000 06000400 00500000",
    );
    assert_eq!(bytes(&Change::DeleteService(web())), sent);
}

#[test]
fn daemons_timeouts_counters_and_tables_are_set_as_ipvsadm_does() {
    let daemon = SyncDaemon {
        role: Role::Backup,
        interface: "v0".to_owned(),
        sync_id: 5,
        max_length: Some(1400),
        group: Some("224.0.0.81".parse().unwrap()),
        port: Some(8848),
        ttl: None,
    };
    assert_eq!(bytes(&Change::StartDaemon(daemon)), hex(golden::DAEMON));
    assert_eq!(
        bytes(&Change::StopDaemon(Role::Backup)),
        hex("0a010000 0c000380 08000100 02000000")
    );
    let timeouts = Timeouts {
        tcp: 900,
        tcp_fin: 120,
        udp: 300,
    };
    let sent = hex("0c010000 08000400 84030000 08000500 78000000 08000600 2c010000");
    assert_eq!(bytes(&Change::SetTimeouts(timeouts)), sent);
    assert_eq!(bytes(&Change::Zero(None)), hex("10010000"));
    assert_eq!(bytes(&Change::Flush), hex("11010000"));
}

#[test]
fn every_change_says_what_it_is() {
    let (service, _) = golden::services().remove(0);
    let (server, _) = golden::servers().remove(0);
    let key = service.key;
    let texts: Vec<_> = [
        Change::NewService(service),
        Change::DeleteService(key),
        Change::NewDestination(key, server),
        Change::DeleteDestination(key, server.key),
        Change::StopDaemon(Role::Master),
    ]
    .iter()
    .map(ToString::to_string)
    .collect();
    assert_eq!(
        texts,
        [
            "add virtual service TCP 192.0.2.1:80 to IPVS",
            "remove virtual service TCP 192.0.2.1:80 from IPVS",
            "add server [fd00::2]:80 to virtual service TCP 192.0.2.1:80 in IPVS",
            "remove server [fd00::2]:80 from virtual service TCP 192.0.2.1:80 in IPVS",
            "stop IPVS's sync daemon (master)",
        ]
    );
}

#[test]
fn no_piece_ends_between_a_server_that_goes_and_the_same_that_comes_back() {
    let (server, _) = golden::servers().remove(0);
    let service = web();
    let new = Change::NewDestination(service, server);
    let pair = [Change::DeleteDestination(service, server.key), new.clone()];
    for before in 0..3 {
        let mut changes = vec![new.clone(); before];
        for _ in 0..2 * TOGETHER {
            changes.extend(pair.clone());
        }
        let cut: Vec<&[Change]> = pieces(&changes).collect();
        assert_eq!(cut.concat(), changes);
        for piece in &cut {
            assert!(piece.len() <= TOGETHER);
            assert_eq!(piece.last(), Some(&new), "{before}");
        }
    }
    assert_eq!(pieces(&[]).count(), 0);
    // Servers that only go are cut anywhere.
    let gone = vec![Change::DeleteDestination(service, server.key); TOGETHER + 1];
    let sizes: Vec<usize> = pieces(&gone).map(<[Change]>::len).collect();
    assert_eq!(sizes, [TOGETHER, 1]);
}
