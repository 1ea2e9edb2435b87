use proptest::prelude::*;

use super::*;

const VIP: [Ipv4Addr; 1] = [Ipv4Addr::new(10, 0, 0, 100)];

/// Captured from keepalived 2.2.7: vrid 66, priority 100, 1 s, password "12345678".
const GOLDEN_PASS: [u8; 20] = [
    0x21, 0x42, 0x64, 0x01, 0x01, 0x01, 0x9e, 0x82, 0x0a, 0x00, 0x00, 0x64, 0x31, 0x32, 0x33, 0x34,
    0x35, 0x36, 0x37, 0x38,
];

/// Captured from keepalived 2.2.7: vrid 13, priority 100, 1 s, no authentication.
const GOLDEN_NONE: [u8; 20] = [
    0x21, 0x0d, 0x64, 0x01, 0x00, 0x01, 0x70, 0x8c, 0x0a, 0x00, 0x00, 0x64, 0, 0, 0, 0, 0, 0, 0, 0,
];

#[test]
fn adverts_are_keepaliveds_byte_for_byte() {
    let pass = Repr {
        vrid: 66,
        priority: 100,
        auth_type: AUTH_PASS,
        adver_int: 1,
        addresses: &VIP,
        auth_data: *b"12345678",
    };
    let none = Repr {
        vrid: 13,
        auth_type: AUTH_NONE,
        auth_data: [0; 8],
        ..pass
    };
    let mut buffer = Vec::new();
    pass.emit(&mut buffer);
    assert_eq!(buffer, GOLDEN_PASS);
    buffer.clear();
    none.emit(&mut buffer);
    assert_eq!(buffer, GOLDEN_NONE);
}

#[test]
fn a_golden_advert_reads_back() {
    let view = View::parse(&GOLDEN_PASS).unwrap();
    assert_eq!((view.version(), view.packet_type()), (2, 1));
    assert_eq!(
        (view.vrid(), view.priority(), view.adver_int()),
        (66, 100, 1)
    );
    assert_eq!(
        (view.auth_type(), view.auth_data()),
        (AUTH_PASS, Some(b"12345678"))
    );
    assert_eq!(view.addresses().collect::<Vec<_>>(), VIP);
    assert_eq!(view.expected_len(), 20);
    assert!(view.checksum_fits());
}

#[test]
fn every_single_bit_error_breaks_the_checksum() {
    for bit in 0..GOLDEN_PASS.len() * 8 {
        let mut bytes = GOLDEN_PASS;
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(!View::parse(&bytes).unwrap().checksum_fits(), "bit {bit}");
    }
}

#[test]
fn an_advert_that_claims_more_than_there_is_gives_what_is_there() {
    let mut bytes = GOLDEN_PASS;
    bytes[3] = 200;
    let view = View::parse(&bytes).unwrap();
    assert_eq!(view.addresses().count(), 3);
    assert_eq!(view.auth_data(), None);
    assert!(!view.checksum_fits());
}

#[test]
fn seven_bytes_are_no_advert() {
    assert!(View::parse(&GOLDEN_PASS[..7]).is_none());
}

proptest! {
    #[test]
    fn reading_never_panics(bytes in proptest::collection::vec(any::<u8>(), 0..1100)) {
        if let Some(view) = View::parse(&bytes) {
            let _ = (view.addresses().count(), view.auth_data(), view.checksum_fits());
        }
    }

    #[test]
    fn what_is_built_reads_back(
        vrid: u8, priority: u8, auth_type: u8, adver_int: u8, auth_data: [u8; 8],
        addresses in proptest::collection::vec(any::<u32>().prop_map(Ipv4Addr::from), 0..300),
    ) {
        let repr = Repr { vrid, priority, auth_type, adver_int, addresses: &addresses, auth_data };
        let mut buffer = b"what stood there before".to_vec();
        let start = buffer.len();
        repr.emit(&mut buffer);
        let view = View::parse(&buffer[start..]).unwrap();
        prop_assert!(view.checksum_fits());
        prop_assert_eq!(view.expected_len(), buffer.len() - start);
        prop_assert_eq!((view.vrid(), view.priority()), (vrid, priority));
        prop_assert_eq!((view.auth_type(), view.adver_int()), (auth_type, adver_int));
        prop_assert_eq!(view.auth_data(), Some(&auth_data));
        let sent: Vec<_> = addresses.iter().copied().take(255).collect();
        prop_assert_eq!(view.addresses().collect::<Vec<_>>(), sent);
    }
}
