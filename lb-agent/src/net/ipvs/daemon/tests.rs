use proptest::prelude::*;

use super::*;
use crate::net::attribute::attributes;
use crate::net::ipvs::golden::{DAEMON_ANSWER, hex};

#[test]
fn linuxs_answer_is_read_with_what_it_has_chosen() {
    let bytes = hex(DAEMON_ANSWER);
    let (_, inner) = attributes(&bytes[4..]).next().unwrap();
    let expected = SyncDaemon {
        role: Role::Master,
        interface: "v0".to_owned(),
        sync_id: 5,
        max_length: Some(1452),
        group: Some("ff02::81".parse().unwrap()),
        port: Some(8848),
        ttl: Some(1),
    };
    assert_eq!(decode(inner), Some(expected));
}

proptest! {
    #[test]
    fn what_is_written_reads_back_equal(
        backup: bool,
        interface in "[a-z0-9]{1,15}",
        sync_id: u8,
        max_length: Option<u16>,
        group: Option<IpAddr>,
        port: Option<u16>,
        ttl: Option<u8>,
    ) {
        let role = if backup { Role::Backup } else { Role::Master };
        let daemon = SyncDaemon { role, interface, sync_id, max_length, group, port, ttl };
        let mut writer = Writer::default();
        daemon.encode(&mut writer);
        prop_assert_eq!(decode(writer.bytes()), Some(daemon));
    }

    #[test]
    fn no_bytes_make_the_reader_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
        drop(decode(&bytes));
    }
}
