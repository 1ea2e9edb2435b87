use super::*;

/// As `ip link add link eth0 name vrrp.51 address 00:00:5e:00:01:33 type macvlan mode private`
/// sends it, but for the order of the attributes.
#[test]
fn a_macvlan_is_written_as_iproute2_writes_it() {
    let link = VirtualLink {
        name: "vrrp.51".into(),
        parent: 7,
        group: None,
        kind: VirtualKind::Macvlan([0, 0, 0x5e, 0, 1, 0x33]),
    };
    #[rustfmt::skip]
    let golden = [
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
        12, 0, 3, 0, b'v', b'r', b'r', b'p', b'.', b'5', b'1', 0,
        8, 0, 5, 0, 7, 0, 0, 0,
        10, 0, 1, 0, 0, 0, 0x5e, 0, 1, 0x33, 0, 0,
        28, 0, 18, 0x80,
            12, 0, 1, 0, b'm', b'a', b'c', b'v', b'l', b'a', b'n', 0,
            12, 0, 2, 0x80, 8, 0, 1, 0, 1, 0, 0, 0,
    ];
    assert_eq!(encode(&link).body(), golden);
}

/// As `ip link set vrrp.51 up alias lb-agent` sends it, but for the order of the attributes.
#[test]
fn what_is_brought_up_is_marked_for_the_next_run() {
    #[rustfmt::skip]
    let golden = [
        0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0,
        12, 0, 3, 0, b'v', b'r', b'r', b'p', b'.', b'5', b'1', 0,
        13, 0, 20, 0, b'l', b'b', b'-', b'a', b'g', b'e', b'n', b't', 0, 0, 0, 0,
    ];
    assert_eq!(up("vrrp.51").body(), golden);
}
