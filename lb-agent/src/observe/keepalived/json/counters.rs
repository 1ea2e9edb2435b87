//! The counters in `keepalived.json`.

use serde::Serialize;

use crate::vrrp::status::Stats;

/// Those counters that keepalived has.
#[derive(Serialize)]
pub(super) struct StatsFields {
    advert_rcvd: u64,
    advert_sent: u64,
    become_master: u64,
    release_master: u64,
    packet_len_err: u64,
    advert_interval_err: u64,
    ip_ttl_err: u64,
    invalid_type_rcvd: u64,
    addr_list_err: u64,
    invalid_authtype: u64,
    authtype_mismatch: u64,
    auth_failure: u64,
    pri_zero_rcvd: u64,
    pri_zero_sent: u64,
}

impl From<&Stats> for StatsFields {
    fn from(stats: &Stats) -> Self {
        Self {
            advert_rcvd: stats.advert_rcvd,
            advert_sent: stats.advert_sent,
            become_master: stats.become_master,
            release_master: stats.release_master,
            packet_len_err: stats.packet_len_err,
            advert_interval_err: stats.advert_interval_err,
            ip_ttl_err: stats.ip_ttl_err,
            invalid_type_rcvd: stats.invalid_type_rcvd,
            addr_list_err: stats.addr_list_err,
            invalid_authtype: stats.invalid_authtype,
            authtype_mismatch: stats.authtype_mismatch,
            auth_failure: stats.auth_failure,
            pri_zero_rcvd: stats.pri_zero_rcvd,
            pri_zero_sent: stats.pri_zero_sent,
        }
    }
}
