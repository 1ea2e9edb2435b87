//! `keepalived.stats`.

use std::fmt::Write as _;

use crate::vrrp::status::{InstanceStatus, Stats};

/// The file.
pub fn text(instances: &[InstanceStatus]) -> String {
    let mut text = String::new();
    for instance in instances {
        let _infallible = writeln!(text, "VRRP Instance: {}", instance.name);
        for (label, count) in lines(&instance.stats) {
            let _infallible = match count {
                Some(count) => writeln!(text, "{label}: {count}"),
                None => writeln!(text, "{label}:"),
            };
        }
    }
    text
}

const fn lines(stats: &Stats) -> [(&'static str, Option<u64>); 18] {
    [
        ("  Advertisements", None),
        ("    Received", Some(stats.advert_rcvd)),
        ("    Sent", Some(stats.advert_sent)),
        ("  Became master", Some(stats.become_master)),
        ("  Released master", Some(stats.release_master)),
        ("  Packet Errors", None),
        ("    Length", Some(stats.packet_len_err)),
        ("    TTL", Some(stats.ip_ttl_err)),
        ("    Invalid Type", Some(stats.invalid_type_rcvd)),
        (
            "    Advertisement Interval",
            Some(stats.advert_interval_err),
        ),
        ("    Address List", Some(stats.addr_list_err)),
        ("  Authentication Errors", None),
        ("    Invalid Type", Some(stats.invalid_authtype)),
        ("    Type Mismatch", Some(stats.authtype_mismatch)),
        ("    Failure", Some(stats.auth_failure)),
        ("  Priority Zero", None),
        ("    Received", Some(stats.pri_zero_rcvd)),
        ("    Sent", Some(stats.pri_zero_sent)),
    ]
}
