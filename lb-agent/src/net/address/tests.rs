use proptest::prelude::*;

use super::*;

fn bytes(address: &Address) -> Vec<u8> {
    encode(RTM_NEWADDR, address).body().to_vec()
}

fn vip() -> Address {
    Address {
        index: 7,
        address: "192.0.2.1/24".parse().unwrap(),
        label: Some("eth0:1".into()),
        scope: 253,
        broadcast: Some("192.0.2.255".parse().unwrap()),
        ..Address::default()
    }
}

/// As `ip addr add 192.0.2.1/24 brd + dev eth0 label eth0:1 scope link` sends it.
#[test]
fn an_address_is_written_as_iproute2_writes_it() {
    #[rustfmt::skip]
    let golden = [
        2, 24, 0, 253, 7, 0, 0, 0,
        8, 0, 2, 0, 192, 0, 2, 1,
        8, 0, 1, 0, 192, 0, 2, 1,
        11, 0, 3, 0, b'e', b't', b'h', b'0', b':', b'1', 0, 0,
        8, 0, 4, 0, 192, 0, 2, 255,
    ];
    assert_eq!(bytes(&vip()), golden);
}

/// As `ip addr add 192.0.2.1 peer 198.51.100.2/30 dev eth0 noprefixroute preferred_lft 0` sends it.
#[test]
fn the_options_are_written_as_iproute2_writes_them() {
    let address = Address {
        index: 7,
        address: "192.0.2.1/32".parse().unwrap(),
        peer: Some("198.51.100.2/30".parse().unwrap()),
        flags: 0x200,
        preferred_lft: Some(Duration::ZERO),
        ..Address::default()
    };
    #[rustfmt::skip]
    let golden = [
        2, 30, 0, 0, 7, 0, 0, 0,
        8, 0, 2, 0, 192, 0, 2, 1,
        8, 0, 1, 0, 198, 51, 100, 2,
        8, 0, 8, 0, 0, 2, 0, 0,
        20, 0, 6, 0, 0, 0, 0, 0, 255, 255, 255, 255, 0, 0, 0, 0, 0, 0, 0, 0,
    ];
    assert_eq!(bytes(&address), golden);
}

#[test]
fn an_address_under_detection_of_duplicates_is_tentative() {
    let mut written = bytes(&vip());
    assert!(!decode(&written).unwrap().tentative);
    written[2] = 0x40;
    assert!(decode(&written).unwrap().tentative);
    // IFA_FLAGS counts where it is there.
    written.extend([8, 0, 8, 0, 0x80, 0, 0, 0]);
    assert!(!decode(&written).unwrap().tentative);
}

#[test]
fn an_address_that_is_preferred_no_longer_is_deprecated() {
    let mut written = bytes(&vip());
    assert!(!decode(&written).unwrap().deprecated);
    written[2] = 0x20;
    let address = decode(&written).unwrap();
    assert!(address.deprecated && !address.tentative);
}

#[test]
fn the_near_end_of_a_point_to_point_link_is_the_address() {
    #[rustfmt::skip]
    let bytes = [
        2, 32, 0, 0, 7, 0, 0, 0,
        8, 0, 1, 0, 198, 51, 100, 2,
        8, 0, 2, 0, 192, 0, 2, 1,
    ];
    let address = decode(&bytes).unwrap();
    assert_eq!(address.address, "192.0.2.1/32".parse().unwrap());
}

#[test]
fn addresses_of_other_families_and_impossible_prefixes_are_left_out() {
    let mut other = bytes(&vip());
    other[0] = 28;
    assert_eq!(decode(&other), None);
    let mut impossible = bytes(&vip());
    impossible[1] = 33;
    assert_eq!(decode(&impossible), None);
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(index: u32, octets: [u8; 4], prefix in 0u8..=32, scope: u8) {
        let address = Address {
            index,
            address: IpNet::new(IpAddr::from(octets), prefix).unwrap(),
            scope,
            ..vip()
        };
        prop_assert_eq!(decode(&bytes(&address)), Some(address));
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        let _address = decode(&bytes);
    }
}
