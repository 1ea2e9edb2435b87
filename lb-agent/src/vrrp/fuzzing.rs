//! Adverts under a fuzzer: see [`crate::fuzzing`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use super::receive::{Before, Expected, check};
use super::settings::{Authentication, Family, OldUnicastChecksum, Version};
use crate::config::model::{AuthHmac, HmacKey, Secret};
use crate::wire::ip::Datagram;
use crate::wire::vrrp::{AddressLen, View};

/// A packet that arrives at a socket of VRRP: read, and judged by routers of each kind.
pub(crate) fn advert(bytes: &[u8]) {
    let Ok(packet) = Datagram::parse(bytes) else {
        return;
    };
    let Some(view) = View::parse(packet.payload) else {
        return;
    };
    for length in [AddressLen::V4, AddressLen::V6] {
        let count = view.addresses(length).count();
        assert!(count <= usize::from(view.address_count()));
    }
    for expected in routers() {
        for check_addresses in [false, true] {
            let before = Before {
                check_addresses,
                sequence: None,
                hmac_sequence: None,
                since_1970: Duration::from_secs(1_700_000_000),
            };
            if let Ok(received) = check(&expected, &packet, &view, before) {
                assert_eq!(received.advert.source, packet.source);
                assert!(received.advert.adver_int > Duration::ZERO);
                assert!(check_addresses || received.mismatch.is_none());
            }
        }
    }
}

fn routers() -> impl Iterator<Item = Expected> {
    let passwords = [
        None,
        Some(Authentication::Pass(*b"12345678")),
        Some(Authentication::Ah(b"12345678".to_vec())),
    ];
    let second = passwords.map(|authentication| expected(Version::V2, authentication));
    let third = expected(Version::V3, None);
    let sixth = Expected {
        family: Family::V6,
        group: Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 0x12).into(),
        addresses: vec![Ipv6Addr::LOCALHOST.into()],
        ..expected(Version::V3, None)
    };
    let signed = Expected {
        auth_hmac: Some(signed()),
        ..expected(Version::V3, None)
    };
    second.into_iter().chain([third, sixth, signed])
}

fn expected(version: Version, authentication: Option<Authentication>) -> Expected {
    Expected {
        vrid: 66,
        version,
        family: Family::V4,
        advert_int: Duration::from_secs(1),
        authentication,
        peers: vec![],
        check_unicast_src: false,
        ignore: false,
        group: IpAddr::from(Ipv4Addr::new(224, 0, 0, 18)),
        v3_checksum_as_v2: false,
        old_unicast_checksum: OldUnicastChecksum::Follow,
        auth_hmac: None,
        addresses: vec![Ipv4Addr::new(10, 0, 0, 100).into()],
    }
}

fn signed() -> AuthHmac {
    AuthHmac {
        key: vec![(7, HmacKey::Bytes(Secret::new([7; 32])))],
        active_key: 7,
        ..AuthHmac::default()
    }
}
