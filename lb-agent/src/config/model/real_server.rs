//! `real_server`.

use std::net::IpAddr;

use serde::Serialize;

use super::{Checker, Command, Forwarding, Tunnel};

/// What names a real server within its virtual server.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
pub struct RealServerKey {
    /// Address.
    pub address: IpAddr,
    /// Port.
    pub port: u16,
}

/// `real_server`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RealServer {
    /// Address and port.
    pub key: RealServerKey,
    /// `weight`, default 1; 0: no new connections.
    pub weight: u32,
    /// `inhibit_on_failure`: a failed server stays with weight 0.
    pub inhibit_on_failure: bool,
    /// `alpha`, inherited.
    pub alpha: bool,
    /// The checkers, in the order of the file; the server is up when all of them are.
    pub checkers: Vec<Checker>,
    /// `notify_up`.
    pub notify_up: Option<Command>,
    /// `notify_down`.
    pub notify_down: Option<Command>,
    /// `uthreshold`: no new connections above so many; 0: no limit.
    pub uthreshold: u32,
    /// `lthreshold`: again below so many.
    pub lthreshold: u32,
    /// `lvs_method`, else the virtual server's `lb_kind`.
    pub lvs_method: Option<Forwarding>,
    /// `lvs_method TUN [type …]`; without `lvs_method` the virtual server's.
    pub tunnel: Option<Tunnel>,
    /// `smtp_alert`, else `smtp_alert_checker`, else `smtp_alert`, else on.
    pub smtp_alert: bool,
    /// `snmp_name`.
    pub snmp_name: Option<String>,
}

impl RealServer {
    /// A server of which nothing more is known: keepalived's defaults.
    pub const fn new(key: RealServerKey) -> Self {
        Self {
            key,
            weight: 1,
            inhibit_on_failure: false,
            alpha: false,
            checkers: Vec::new(),
            notify_up: None,
            notify_down: None,
            uthreshold: 0,
            lthreshold: 0,
            lvs_method: None,
            tunnel: None,
            smtp_alert: true,
            snmp_name: None,
        }
    }
}
