use super::*;

/// As Linux 6.1 writes it.
const TEXT: &str = "\
Pro FromIP   FPrt ToIP     TPrt DestIP   DPrt State       Expires PEName PEData
TCP C0A89F32 DEEE C0A89FC8 0050 C0A89F69 0050 ESTABLISHED     897
UDP C0A89F32 0035 C0A89FC9 0035 C0A89F6A 0035 UDP             299
TCP [fd00:0000:0000:0000:0000:0000:0000:0050] C350 [fd00:0000:0000:0000:0000:0000:0000:0001] 01BB [fd00:0000:0000:0000:0000:0000:0000:0002] 01BB FIN_WAIT        119
what is this
";

fn record(protocol: Protocol, address: &str, port: u16) -> Record {
    Record {
        key: ServiceKey::Address {
            protocol,
            address: address.parse().unwrap(),
            port,
        },
        instance: None,
        armed: true,
        sorry: Vec::new(),
    }
}

fn shown(records: &[Record]) -> Vec<String> {
    let line = |view: &ConnectionView| {
        format!(
            "{} {} {} {} {} {}",
            view.protocol.name(),
            view.client,
            view.r#virtual,
            view.real,
            view.state,
            view.expires.as_secs()
        )
    };
    parse(TEXT, records).iter().map(line).collect()
}

#[test]
fn connections_of_our_services_are_read_and_no_others() {
    let web = record(Protocol::Tcp, "192.168.159.200", 80);
    assert_eq!(
        shown(std::slice::from_ref(&web)),
        ["TCP 192.168.159.50:57070 192.168.159.200:80 192.168.159.105:80 ESTABLISHED 897"]
    );
    let all_ports = record(Protocol::Tcp, "fd00::1", 0);
    assert_eq!(
        shown(&[all_ports]),
        ["TCP [fd00::50]:50000 [fd00::1]:443 [fd00::2]:443 FIN_WAIT 119"]
    );
    let mark = Record {
        key: ServiceKey::Mark {
            mark: 7,
            family: crate::net::ipvs::Family::V4,
        },
        ..web
    };
    assert_eq!(shown(&[mark]).len(), 3);
}
