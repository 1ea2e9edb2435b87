//! Bytes of other people's: what `ipvsadm` 1.31 sends, and what Linux 6.1 answers (both taken with
//! strace), behind the netlink header.

use std::net::IpAddr;

use super::{
    Checksum, Destination, DestinationKey, Family, Forwarding, Granularity, Persistence, Protocol,
    SchedulerFlags, Service, ServiceKey, Tunnel,
};

/// Bytes from hexadecimal digits.
pub(super) fn hex(digits: &str) -> Vec<u8> {
    let digits: Vec<u8> = digits
        .chars()
        .filter_map(|digit| digit.to_digit(16))
        .map(|digit| u8::try_from(digit).unwrap())
        .collect();
    digits
        .chunks(2)
        .map(|pair| pair[0] << 4 | pair[1])
        .collect()
}

/// `-t 192.0.2.1:80`.
pub(super) fn web() -> ServiceKey {
    ServiceKey::Address {
        protocol: Protocol::Tcp,
        address: "192.0.2.1".parse().unwrap(),
        port: 80,
    }
}

/// A service without anything particular.
pub(super) fn plain(key: ServiceKey, scheduler: &str) -> Service {
    Service {
        key,
        scheduler: scheduler.to_owned(),
        flags: SchedulerFlags::default(),
        one_packet: false,
        persistence: None,
        engine: None,
    }
}

/// Each service with what `ipvsadm -A` sends for it.
pub(super) fn services() -> Vec<(Service, &'static str)> {
    let named = |protocol, address: &str, port| ServiceKey::Address {
        protocol,
        address: address.parse().unwrap(),
        port,
    };
    let mark = |mark, family| ServiceKey::Mark { mark, family };
    vec![
        (
            // -A -t 192.0.2.1:80 -s wrr -p 50 -M 255.255.255.0
            Service {
                persistence: Some(Persistence {
                    timeout: 50,
                    granularity: Granularity::Mask([255, 255, 255, 0].into()),
                }),
                ..plain(web(), "wrr")
            },
            "01010000 54000180 06000100 02000000 06000200 06000000 14000300 c0000201 00000000
             00000000 00000000 06000400 00500000 08000600 77727200 0c000700 01000000 ffffffff
             08000800 32000000 08000900 ffffff00",
        ),
        (
            // -A -t [2001:db8::1]:443 -s mh -b mh-port,mh-fallback -p 300 -M 64
            Service {
                flags: SchedulerFlags {
                    flag_1: true,
                    flag_2: true,
                    flag_3: false,
                },
                persistence: Some(Persistence {
                    timeout: 300,
                    granularity: Granularity::Prefix(64),
                }),
                ..plain(named(Protocol::Tcp, "2001:db8::1", 443), "mh")
            },
            "01010000 54000180 06000100 0a000000 06000200 06000000 14000300 20010db8 00000000
             00000000 00000001 06000400 01bb0000 07000600 6d680000 0c000700 19000000 ffffffff
             08000800 2c010000 08000900 40000000",
        ),
        (
            // -A -f 7 -s sh -b sh-port
            Service {
                flags: SchedulerFlags {
                    flag_2: true,
                    ..SchedulerFlags::default()
                },
                ..plain(mark(7, Family::V4), "sh")
            },
            "01010000 38000180 06000100 02000000 08000500 07000000 07000600 73680000 0c000700
             10000000 ffffffff 08000800 00000000 08000900 ffffffff",
        ),
        (
            // -A -u 192.0.2.1:5060 -s rr -p 60 --pe sip -o
            Service {
                one_packet: true,
                persistence: Some(Persistence {
                    timeout: 60,
                    granularity: Family::V4.finest(),
                }),
                engine: Some("sip".to_owned()),
                ..plain(named(Protocol::Udp, "192.0.2.1", 5060), "rr")
            },
            "01010000 5c000180 06000100 02000000 06000200 11000000 14000300 c0000201 00000000
             00000000 00000000 06000400 13c40000 07000600 72720000 08000b00 73697000 0c000700
             05000000 ffffffff 08000800 3c000000 08000900 ffffffff",
        ),
        (
            // -A --sctp-service 192.0.2.1:80 -s wlc
            plain(named(Protocol::Sctp, "192.0.2.1", 80), "wlc"),
            "01010000 54000180 06000100 02000000 06000200 84000000 14000300 c0000201 00000000
             00000000 00000000 06000400 00500000 08000600 776c6300 0c000700 00000000 ffffffff
             08000800 00000000 08000900 ffffffff",
        ),
        (
            // -A -f 8 -6 -s rr
            plain(mark(8, Family::V6), "rr"),
            "01010000 38000180 06000100 0a000000 08000500 08000000 07000600 72720000 0c000700
             00000000 ffffffff 08000800 00000000 08000900 80000000",
        ),
    ]
}

/// A server without anything particular.
pub(super) fn server(address: &str, port: u16, forwarding: Forwarding, weight: u32) -> Destination {
    let address: IpAddr = address.parse().unwrap();
    Destination {
        key: DestinationKey { address, port },
        forwarding,
        weight,
        upper_threshold: 0,
        lower_threshold: 0,
    }
}

/// Each server with the part of what `ipvsadm -a -t 192.0.2.1:80` sends that speaks of it.
pub(super) fn servers() -> Vec<(Destination, &'static str)> {
    vec![
        (
            // -r [fd00::2]:80 -i -w 1
            server("fd00::2", 80, Forwarding::Tunnel(Tunnel::IpIp), 1),
            "60000280 06000b00 0a000000 14000100 fd000000 00000000 00000000 00000002 06000200
             00500000 08000300 02000000 08000400 01000000 05000d00 00000000 06000e00 00000000
             06000f00 00000000 08000500 00000000 08000600 00000000",
        ),
        (
            // -r 10.0.0.3:80 -i --tun-type gue --tun-port 6080 --tun-remcsum -w 2
            server(
                "10.0.0.3",
                80,
                Forwarding::Tunnel(Tunnel::Gue {
                    port: 6080,
                    checksum: Checksum::Remote,
                }),
                2,
            ),
            "60000280 06000b00 02000000 14000100 0a000003 00000000 00000000 00000000 06000200
             00500000 08000300 02000000 08000400 02000000 05000d00 01000000 06000e00 17c00000
             06000f00 02000000 08000500 00000000 08000600 00000000",
        ),
        (
            // -r 10.0.0.4:80 -i --tun-type gre --tun-csum
            server(
                "10.0.0.4",
                80,
                Forwarding::Tunnel(Tunnel::Gre {
                    checksum: Checksum::Full,
                }),
                1,
            ),
            "60000280 06000b00 02000000 14000100 0a000004 00000000 00000000 00000000 06000200
             00500000 08000300 02000000 08000400 01000000 05000d00 02000000 06000e00 00000000
             06000f00 01000000 08000500 00000000 08000600 00000000",
        ),
        (
            // -r 10.0.0.1:80 -g -w 3 -x 100 -y 50; ipvsadm names a tunnel even here, we do not.
            Destination {
                upper_threshold: 100,
                lower_threshold: 50,
                ..server("10.0.0.1", 80, Forwarding::Route, 3)
            },
            "48000280 06000b00 02000000 14000100 0a000001 00000000 00000000 00000000 06000200
             00500000 08000300 03000000 08000400 03000000 08000500 64000000 08000600 32000000",
        ),
    ]
}

/// What Linux answers about the second of [`services`]; its figures are made up.
pub(super) const SERVICE_ANSWER: &str = "
    01010000 2c010100 06000100 0a000000 06000200 06000000 14000300 20010db8 00000000 00000000
    00000001 06000400 01bb0000 07000600 6d680000 0c000700 1b000000 ffffffff 08000800 2c010000
    08000900 40000000 5c000a00 08000100 00000000 08000200 00000000 08000300 00000000 0c000400
    00000000 00000000 0c000500 00000000 00000000 08000600 00000000 08000700 00000000 08000800
    00000000 08000900 00000000 08000a00 00000000 7c000c00 0c000100 0b000000 01000000 0c000200
    0c000000 00000000 0c000300 0d000000 00000000 0c000400 0e000000 00000000 0c000500 0f000000
    00000000 0c000600 10000000 00000000 0c000700 11000000 00000000 0c000800 12000000 00000000
    0c000900 13000000 00000000 0c000a00 14000000 00000000";

/// What Linux answers about the second of [`servers`]; its figures are made up.
pub(super) const SERVER_ANSWER: &str = "
    05010000 50010200 14000100 0a000003 00000000 00000000 00000000 06000200 00500000 08000300
    02000000 08000400 02000000 05000d00 01000000 06000e00 17c00000 06000f00 02000000 08000500
    00000000 08000600 00000000 08000700 15000000 08000800 16000000 08000900 17000000 06000b00
    02000000 5c000a00 08000100 00000000 08000200 00000000 08000300 00000000 0c000400 00000000
    00000000 0c000500 00000000 00000000 08000600 00000000 08000700 00000000 08000800 00000000
    08000900 00000000 08000a00 00000000 7c000c00 0c000100 0b000000 00000000 0c000200 00000000
    00000000 0c000300 00000000 00000000 0c000400 00000000 00000000 0c000500 00000000 00000000
    0c000600 00000000 00000000 0c000700 00000000 00000000 0c000800 00000000 00000000 0c000900
    00000000 00000000 0c000a00 00000000 00000000";

/// `--start-daemon backup --mcast-interface v0 --syncid 5 --sync-maxlen 1400 --mcast-group
/// 224.0.0.81 --mcast-port 8848`, but for the TTL, which ipvsadm makes four bytes of.
pub(super) const DAEMON: &str = "
    09010000 34000380 08000100 02000000 07000200 76300000 08000300 05000000 06000400 78050000
    06000700 90220000 08000500 e0000051";

/// What Linux answers about the one of `--start-daemon master --mcast-interface v0 --syncid 5
/// --mcast-group ff02::81`.
pub(super) const DAEMON_ANSWER: &str = "
    09010000 48000300 08000100 01000000 07000200 76300000 08000300 05000000 06000400 ac050000
    06000700 90220000 05000800 01000000 14000600 ff020000 00000000 00000000 00000081";
