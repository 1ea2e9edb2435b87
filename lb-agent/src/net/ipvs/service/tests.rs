use std::net::IpAddr;

use proptest::prelude::*;

use super::*;
use crate::net::attribute::attributes;
use crate::net::ipvs::golden::{SERVICE_ANSWER, hex, plain, services};
use crate::net::ipvs::statistics::Figures;

#[test]
fn linuxs_answer_is_read_with_statistics_in_64_bits() {
    let bytes = hex(SERVICE_ANSWER);
    let (_, inner) = attributes(&bytes[4..]).next().unwrap();
    let entry = decode(inner).unwrap();
    assert_eq!(entry.service, services()[1].0);
    let totals = Figures {
        conns: (1 << 32) + 11,
        in_packets: 12,
        out_packets: 13,
        in_bytes: 14,
        out_bytes: 15,
    };
    let rates = Figures {
        conns: 16,
        in_packets: 17,
        out_packets: 18,
        in_bytes: 19,
        out_bytes: 20,
    };
    assert_eq!(entry.statistics, Statistics { totals, rates });
}

#[test]
fn granularity_and_timeout_mean_nothing_without_persistence() {
    let key = ServiceKey::Mark {
        mark: 1,
        family: Family::V4,
    };
    let mut writer = Writer::default();
    plain(key, "rr").encode(&mut writer);
    writer.u32(kind::TIMEOUT, 7);
    assert_eq!(decode(writer.bytes()).unwrap().service, plain(key, "rr"));
}

#[test]
fn keys_are_written_as_ipvsadm_does() {
    let [web, six, mark, ..] = &services()[..] else {
        panic!("there are more");
    };
    assert_eq!(web.0.key.to_string(), "TCP 192.0.2.1:80");
    assert_eq!(six.0.key.to_string(), "TCP [2001:db8::1]:443");
    assert_eq!(mark.0.key.to_string(), "FWM 7");
    assert_eq!(services()[5].0.key.to_string(), "FWM 8 IPv6");
}

fn any_key() -> impl Strategy<Value = ServiceKey> {
    let address =
        (any::<u16>(), any::<IpAddr>(), any::<u16>()).prop_map(|(protocol, address, port)| {
            ServiceKey::Address {
                protocol: protocol.into(),
                address,
                port,
            }
        });
    let family = prop_oneof![Just(Family::V4), Just(Family::V6)];
    let mark = (any::<u32>(), family).prop_map(|(mark, family)| ServiceKey::Mark { mark, family });
    prop_oneof![address, mark]
}

fn any_service() -> impl Strategy<Value = Service> {
    let flags = any::<[bool; 5]>();
    let text = ("[a-z]{1,15}", proptest::option::of("[a-z]{1,15}"));
    (any_key(), flags, text, any::<(u32, u32, u8)>()).prop_map(
        |(key, flags, (scheduler, engine), (timeout, mask, prefix))| Service {
            key,
            scheduler,
            flags: SchedulerFlags {
                flag_1: flags[0],
                flag_2: flags[1],
                flag_3: flags[2],
            },
            one_packet: flags[3],
            persistence: flags[4].then_some(Persistence {
                timeout,
                granularity: match key.family() {
                    Family::V4 => Granularity::Mask(mask.into()),
                    Family::V6 => Granularity::Prefix(prefix),
                },
            }),
            engine,
        },
    )
}

proptest! {
    #[test]
    fn what_is_written_reads_back_equal(service in any_service()) {
        let mut writer = Writer::default();
        service.encode(&mut writer);
        prop_assert_eq!(decode(writer.bytes()).unwrap().service, service);
    }

    #[test]
    fn no_bytes_make_the_reader_panic(
        service in any_service(),
        at in any::<prop::sample::Index>(),
        byte: u8,
        noise in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        drop(decode(&noise));
        let mut writer = Writer::default();
        service.encode(&mut writer);
        let mut bytes = writer.bytes().to_vec();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        drop(decode(&bytes));
        drop(decode(&bytes[..at]));
    }
}
