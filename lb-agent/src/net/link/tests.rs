use netlink_packet_core::Emitable;
use netlink_packet_route::AddressFamily;
use netlink_packet_route::link::{
    InfoData, InfoIpVlan, InfoKind, InfoVlan, IpVlanFlags, LinkFlags, LinkInfo, LinkLayerType,
};
use proptest::prelude::*;

use super::*;
use crate::net::virtual_link::IpvlanFlags;

fn bytes(message: &LinkMessage) -> Vec<u8> {
    let mut bytes = vec![0; message.buffer_len()];
    message.emit(&mut bytes);
    bytes
}

fn message(attributes: &[LinkAttribute]) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = 7;
    message.header.link_layer_type = LinkLayerType::Ether;
    message.header.flags = LinkFlags::Up | LinkFlags::Running | LinkFlags::Multicast;
    message
        .attributes
        .push(LinkAttribute::IfName("eth0".into()));
    message.attributes.extend(attributes.iter().cloned());
    message
}

fn info(kind: InfoKind, data: Option<InfoData>) -> LinkAttribute {
    let kind = LinkInfo::Kind(kind);
    LinkAttribute::LinkInfo(
        std::iter::once(kind)
            .chain(data.map(LinkInfo::Data))
            .collect(),
    )
}

fn kind(attributes: &[LinkAttribute]) -> LinkKind {
    decode(&bytes(&message(attributes))).unwrap().kind
}

#[test]
fn a_network_card_is_read_whole() {
    let card = message(&[
        LinkAttribute::Mtu(9000),
        LinkAttribute::Address(vec![2, 0, 0, 0, 0, 1]),
        LinkAttribute::Controller(3),
        LinkAttribute::IfAlias("uplink".into()),
    ]);
    assert_eq!(
        decode(&bytes(&card)),
        Some(Link {
            index: 7,
            name: "eth0".into(),
            mac: [2, 0, 0, 0, 0, 1],
            up: true,
            mtu: 9000,
            kind: LinkKind::Ethernet,
            master: Some(3),
            alias: Some("uplink".into()),
        })
    );
}

#[test]
fn kinds_are_told_apart() {
    let parent = LinkAttribute::Link(4);
    let vlan = Some(InfoData::Vlan(vec![InfoVlan::Id(42)]));
    assert_eq!(
        kind(&[parent.clone(), info(InfoKind::Vlan, vlan)]),
        LinkKind::Vlan {
            parent: 4,
            id: 42,
            ether_type: 0x8100,
        }
    );
    assert_eq!(
        kind(&[parent.clone(), info(InfoKind::MacVlan, None)]),
        LinkKind::Macvlan { parent: 4 }
    );
    let ipvlan = |flags| {
        let data = InfoData::IpVlan(vec![InfoIpVlan::Flags(flags)]);
        kind(&[parent.clone(), info(InfoKind::IpVlan, Some(data))])
    };
    for (bits, flags) in [
        (IpVlanFlags::empty(), IpvlanFlags::Bridge),
        (IpVlanFlags::Private, IpvlanFlags::Private),
        (IpVlanFlags::Vepa, IpvlanFlags::Vepa),
    ] {
        assert_eq!(ipvlan(bits), LinkKind::Ipvlan { parent: 4, flags });
    }
    assert_eq!(kind(&[info(InfoKind::Bond, None)]), LinkKind::Bond);
    assert_eq!(kind(&[info(InfoKind::Bridge, None)]), LinkKind::Bridge);
    assert_eq!(kind(&[parent, info(InfoKind::Veth, None)]), LinkKind::Veth);
    assert_eq!(
        kind(&[info(InfoKind::Other("new-kind".into()), None)]),
        LinkKind::Other("new-kind".into())
    );
}

#[test]
fn media_without_a_kind_go_by_their_type() {
    let mut link = message(&[]);
    link.header.link_layer_type = LinkLayerType::Loopback;
    assert_eq!(decode(&bytes(&link)).unwrap().kind, LinkKind::Loopback);
    link.header.link_layer_type = LinkLayerType::Infiniband;
    let read = decode(&bytes(&link)).unwrap();
    assert_eq!(read.kind, LinkKind::Other("arphrd 32".into()));
    assert_eq!(read.mac, [0; 6]);
}

#[test]
fn a_parent_in_another_namespace_has_no_number_here() {
    let vlan = Some(InfoData::Vlan(vec![InfoVlan::Id(42)]));
    let elsewhere = [
        LinkAttribute::Link(4),
        info(InfoKind::Vlan, vlan),
        LinkAttribute::LinkNetNsId(1),
    ];
    assert_eq!(
        kind(&elsewhere),
        LinkKind::Vlan {
            parent: 0,
            id: 42,
            ether_type: 0x8100,
        }
    );
}

#[test]
fn up_needs_both_the_operator_and_the_carrier() {
    let mut link = message(&[]);
    link.header.flags = LinkFlags::Up;
    assert!(!decode(&bytes(&link)).unwrap().up);
    link.header.flags = LinkFlags::Running;
    assert!(!decode(&bytes(&link)).unwrap().up);
}

#[test]
fn how_a_program_is_attached_is_read_from_its_nest() {
    let with = |bytes: &[u8]| {
        let mut all = self::bytes(&message(&[]));
        all.extend(bytes);
        decode_xdp(&all)
    };
    let attached = |how: u8| with(&[12, 0, 43, 0x80, 5, 0, 2, 0, how, 0, 0, 0]);
    for (how, expected) in [
        (0, XdpAttached::None),
        (1, XdpAttached::Driver),
        (2, XdpAttached::Generic),
        (3, XdpAttached::Hardware),
        (4, XdpAttached::Several),
    ] {
        assert_eq!(attached(how), Some(expected));
    }
    assert_eq!(with(&[]), Some(XdpAttached::None));
}

#[test]
fn what_a_bridge_says_about_its_ports_is_no_link() {
    let mut port = message(&[]);
    port.header.interface_family = AddressFamily::Bridge;
    assert_eq!(decode(&bytes(&port)), None);
}

proptest! {
    #[test]
    fn a_cut_off_message_is_read_as_far_as_it_goes(length in 0usize..200) {
        let whole = bytes(&message(&[
            LinkAttribute::Mtu(1500),
            info(InfoKind::Vlan, Some(InfoData::Vlan(vec![InfoVlan::Id(1)]))),
        ]));
        if let Some(link) = decode(&whole[..length.min(whole.len())]) {
            prop_assert_eq!(link.name, "eth0");
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _link = decode(&bytes);
        let _xdp = decode_xdp(&bytes);
    }
}
