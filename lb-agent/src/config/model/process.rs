//! Processes, namespaces, files, links: what is neither VRRP nor a virtual server.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

/// Keywords of the top level that are no block of their own kind.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Environment {
    /// `net_namespace`.
    pub net_namespace: Option<String>,
    /// `net_namespace_ipvs`.
    pub net_namespace_ipvs: Option<String>,
    /// `namespace_with_ipsets`.
    pub namespace_with_ipsets: bool,
    /// `instance`: names this agent among several on one host.
    pub instance: Option<String>,
    /// `SSL`.
    pub ssl: Option<Ssl>,
    /// `linkbeat_use_polling` and `linkbeat_interfaces`.
    pub linkbeat: Linkbeat,
    /// `interface_up_down_delays`.
    pub interface_up_down_delays: Vec<UpDownDelay>,
}

/// `SSL { … }`: our side of the TLS of `SSL_GET`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Ssl {
    /// `password` of the key.
    pub password: Option<super::Secret>,
    /// `ca`: a file of certificates that a server's must come from.
    pub ca: Option<PathBuf>,
    /// `certificate`: a file with ours.
    pub certificate: Option<PathBuf>,
    /// `key`: a file with ours.
    pub key: Option<PathBuf>,
}

/// How link states are found out where netlink does not tell.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Linkbeat {
    /// `linkbeat_use_polling`: all interfaces are asked.
    pub linkbeat_use_polling: bool,
    /// `linkbeat_interfaces`: these are asked, and how.
    pub linkbeat_interfaces: Vec<(String, LinkbeatKind)>,
}

/// How an interface is asked.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub enum LinkbeatKind {
    /// What works.
    #[default]
    Any,
    /// `mii`.
    Mii,
    /// `ethtool`.
    Ethtool,
    /// `ioctl`.
    Ioctl,
}

/// A line of `interface_up_down_delays`: `INTERFACE DOWN [UP]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct UpDownDelay {
    /// The interface.
    pub interface: String,
    /// A link that is down for less does not count as down.
    pub down_delay: Duration,
    /// A link that is up for less does not count as up.
    pub up_delay: Duration,
}

/// Priorities of keepalived's three processes; here of threads.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Processes {
    /// `max_auto_priority`; `None`: not given; 0: off.
    pub max_auto_priority: Option<i8>,
    /// `min_auto_priority_delay`.
    pub min_auto_priority_delay: Duration,
    /// `vrrp_priority`, `checker_priority`, `bfd_priority`: nice values.
    pub vrrp_priority: Option<i8>,
    /// See above.
    pub checker_priority: Option<i8>,
    /// See above.
    pub bfd_priority: Option<i8>,
    /// `vrrp_rt_priority`, `checker_rt_priority`, `bfd_rt_priority`: of `SCHED_RR`.
    pub vrrp_rt_priority: Option<u8>,
    /// See above.
    pub checker_rt_priority: Option<u8>,
    /// See above.
    pub bfd_rt_priority: Option<u8>,
    /// `vrrp_no_swap`, `checker_no_swap`, `bfd_no_swap`: memory is locked.
    pub vrrp_no_swap: bool,
    /// See above.
    pub checker_no_swap: bool,
    /// See above.
    pub bfd_no_swap: bool,
    /// `vrrp_rlimit_rttime`, `checker_rlimit_rttime`: without effect by design.
    pub vrrp_rlimit_rttime: Option<Duration>,
    /// See above.
    pub checker_rlimit_rttime: Option<Duration>,
    /// `umask`, as bits.
    pub umask: u16,
}

impl Default for Processes {
    fn default() -> Self {
        Self {
            max_auto_priority: None,
            min_auto_priority_delay: Duration::from_secs(1),
            vrrp_priority: None,
            checker_priority: None,
            bfd_priority: None,
            vrrp_rt_priority: None,
            checker_rt_priority: None,
            bfd_rt_priority: None,
            vrrp_no_swap: false,
            checker_no_swap: false,
            bfd_no_swap: false,
            vrrp_rlimit_rttime: None,
            checker_rlimit_rttime: None,
            umask: 0o177,
        }
    }
}

/// Reloading.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Reload {
    /// `reload_check_config [LOG]`: a configuration with errors is not taken.
    pub reload_check_config: bool,
    /// `reload_check_config LOG`: where its remarks go.
    pub reload_check_config_log: Option<PathBuf>,
    /// `reload_time_file`: holds the time of the next reload.
    pub reload_time_file: Option<PathBuf>,
    /// `reload_repeat`: the time counts every day.
    pub reload_repeat: bool,
    /// `reload_file [PATH]`: made while a reload runs.
    pub reload_file: Option<PathBuf>,
    /// `config_save_dir`.
    pub config_save_dir: Option<PathBuf>,
    /// `tmp_config_directory`.
    pub tmp_config_directory: Option<PathBuf>,
}

/// Files that a signal writes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Dumps {
    /// `json_version`, 1 or 2.
    pub json_version: u8,
    /// `data_use_instance`: the names of the files hold the instance's.
    pub data_use_instance: bool,
    /// `state_dump_file`.
    pub state_dump_file: Option<PathBuf>,
    /// `stats_dump_file`.
    pub stats_dump_file: Option<PathBuf>,
    /// `json_dump_file`.
    pub json_dump_file: Option<PathBuf>,
}

impl Default for Dumps {
    fn default() -> Self {
        Self {
            json_version: 1,
            data_use_instance: false,
            state_dump_file: None,
            stats_dump_file: None,
            json_dump_file: None,
        }
    }
}
