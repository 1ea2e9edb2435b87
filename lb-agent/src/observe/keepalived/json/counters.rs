//! The counters in `keepalived.json`.

use serde::Serialize;

use crate::vrrp::status::Stats;

/// Declares the counters once, in keepalived's order.
macro_rules! fields {
    ($($name:ident,)*) => {
        /// Those counters that keepalived has.
        #[derive(Serialize)]
        pub(super) struct StatsFields {
            $($name: u64,)*
        }

        impl From<&Stats> for StatsFields {
            fn from(stats: &Stats) -> Self {
                Self {
                    $($name: stats.$name,)*
                }
            }
        }
    };
}

fields! {
    advert_rcvd,
    advert_sent,
    become_master,
    release_master,
    packet_len_err,
    advert_interval_err,
    ip_ttl_err,
    invalid_type_rcvd,
    addr_list_err,
    invalid_authtype,
    authtype_mismatch,
    auth_failure,
    pri_zero_rcvd,
    pri_zero_sent,
}
