//! A VRRP instance as VRRP knows it, as a record for `dump`.

use super::model::{InstanceStats, InstanceView};
use crate::vrrp::State;
use crate::vrrp::status::{InstanceStatus, Stats};

impl From<InstanceStatus> for InstanceView {
    fn from(status: InstanceStatus) -> Self {
        Self {
            name: status.name,
            interface: status.interface,
            virtual_router_id: status.virtual_router_id,
            version: status.version,
            state: name(status.state).into(),
            in_state: status.in_state,
            priority: status.priority,
            effective_priority: status.effective_priority,
            advert_interval: status.advert_int,
            master: status.master,
            master_priority: status.master_priority,
            virtual_ipaddress: status
                .virtual_ipaddress
                .iter()
                .map(|it| it.address)
                .collect(),
            stats: status.stats.into(),
        }
    }
}

/// The state in keepalived's words.
const fn name(state: State) -> &'static str {
    match state {
        State::Init => "INIT",
        State::Backup => "BACKUP",
        State::Master => "MASTER",
        State::Fault => "FAULT",
    }
}

impl From<Stats> for InstanceStats {
    fn from(stats: Stats) -> Self {
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
