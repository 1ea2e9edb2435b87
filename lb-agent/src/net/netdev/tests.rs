use proptest::prelude::*;

use super::*;

#[test]
fn a_command_carries_one_padded_attribute() {
    let request = Request::new(CONTROL, GET_FAMILY, FAMILY_NAME, b"netdev\0");
    let mut bytes = vec![0; request.buffer_len()];
    request.serialize(&mut bytes);
    let mut expected = vec![3, 1, 0, 0];
    expected.extend(11_u16.to_ne_bytes());
    expected.extend(2_u16.to_ne_bytes());
    expected.extend(b"netdev\0\0");
    assert_eq!(bytes, expected);
}

#[test]
fn answers_are_found_among_other_attributes() {
    let answer = |attributes: &[(u16, &[u8])]| {
        let mut bytes = vec![1, 1, 0, 0];
        for (kind, value) in attributes {
            bytes.extend(u16::try_from(4 + value.len()).unwrap().to_ne_bytes());
            bytes.extend(kind.to_ne_bytes());
            bytes.extend(*value);
            bytes.resize(bytes.len().next_multiple_of(4), 0);
        }
        bytes
    };
    let name = answer(&[(2, b"netdev\0"), (1, &0x1f_u16.to_ne_bytes())]);
    assert_eq!(family(&name), Some(0x1f));
    let device = answer(&[
        (1, &7_u32.to_ne_bytes()),
        (3, &0x67_u64.to_ne_bytes()),
        (4, &0_u32.to_ne_bytes()),
    ]);
    assert_eq!(features(&device), Some(0x67));
    assert_eq!(features(&answer(&[(3, &[1, 2])])), None);
    assert_eq!(features(&name), None);
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
        let _family = family(&bytes);
        let _features = features(&bytes);
    }
}
