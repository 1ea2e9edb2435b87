//! keepalived's lines about a pool.

use crate::config::model::{RealServerKey, VirtualServerKey};
use crate::health::name::ServiceName;
use crate::log_line::LogLine;

/// Names the servers of a virtual server.
#[derive(Clone, Copy)]
pub(super) struct Names<'k>(pub(super) &'k VirtualServerKey);

impl<'k> Names<'k> {
    pub(super) fn service(self) -> &'k VirtualServerKey {
        self.0
    }

    pub(super) fn of(self, server: &RealServerKey) -> ServiceName {
        ServiceName::of_real_server(self.0, server)
    }

    /// A server comes or goes.
    pub(super) fn server(self, key: &RealServerKey, inhibit: bool, up: bool) -> LogLine {
        let (service, name) = (self.of(key), self.service());
        match (up, inhibit) {
            (true, false) => LogLine::Info(format!("Adding service {service} to VS {name}")),
            (true, true) => LogLine::Info(format!("Enabling service {service} of VS {name}")),
            (false, false) => LogLine::Warn(format!("Removing service {service} from VS {name}")),
            (false, true) => LogLine::Warn(format!("Disabling service {service} of VS {name}")),
        }
    }

    /// A server that was in the pool is configured no longer.
    pub(super) fn removed(self, key: &RealServerKey) -> LogLine {
        let (service, name) = (self.of(key), self.service());
        LogLine::Info(format!(
            "Removing service {service} from VS {name}: it is configured no longer"
        ))
    }

    pub(super) fn weight(
        self,
        key: &RealServerKey,
        from: u32,
        to: u32,
        up: bool,
        by_hand: bool,
    ) -> String {
        let active = if up { "active" } else { "inactive" };
        let hand = if by_hand { ", set by hand" } else { "" };
        let (service, name) = (self.of(key), self.service());
        format!(
            "Changing weight from {from} to {to} for {active} service {service} of VS {name}{hand}"
        )
    }

    pub(super) fn shutting_down(self, key: &RealServerKey) -> String {
        let (service, name) = (self.of(key), self.service());
        format!("Shutting down service {service} from VS {name}")
    }

    pub(super) fn sorry_comes(self, sorry: &RealServerKey, inhibit: bool) -> [LogLine; 2] {
        let (sorry, name) = (self.of(sorry), self.service());
        let what = if inhibit { "Enabling" } else { "Adding" };
        [
            LogLine::Warn(format!("{what} sorry server {sorry} to VS {name}")),
            LogLine::Warn(format!(
                "Removing alive servers from the pool for VS {name}"
            )),
        ]
    }

    pub(super) fn sorry_leaves(self, sorry: &RealServerKey, inhibit: bool) -> [LogLine; 2] {
        let (sorry, name) = (self.of(sorry), self.service());
        let what = if inhibit { "Disabling" } else { "Removing" };
        [
            LogLine::Info(format!("{what} sorry server {sorry} from VS {name}")),
            LogLine::Info(format!("Adding alive servers to the pool for VS {name}")),
        ]
    }
}
