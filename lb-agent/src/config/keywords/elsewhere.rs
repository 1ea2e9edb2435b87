//! Keywords of blocks that have no effect yet as a whole: known, so that one of them in a wrong
//! place is told where it belongs.

pub(super) const VRRP_SCRIPT: &[&str] = &[
    "script",
    "interval",
    "timeout",
    "weight",
    "rise",
    "fall",
    "user",
    "init_fail",
];

pub(super) const VRRP_TRACK_PROCESS: &[&str] = &[
    "process",
    "param_match",
    "weight",
    "quorum",
    "quorum_max",
    "delay",
    "terminate_delay",
    "fork_delay",
    "full_command",
];

pub(super) const TRACK_FILE: &[&str] = &["file", "weight", "init_file"];

pub(super) const BFD_INSTANCE: &[&str] = &[
    "neighbor_ip",
    "neighbour_ip",
    "source_ip",
    "min_rx",
    "min_tx",
    "idle_tx",
    "multiplier",
    "passive",
    "ttl",
    "hoplimit",
    "max_hops",
    "multihop",
    "weight",
    "vrrp",
    "checker",
];

pub(super) const VRRP_SYNC_GROUP: &[&str] = &[
    "group",
    "notify_master",
    "notify_backup",
    "notify_fault",
    "notify_stop",
    "notify",
    "smtp_alert",
    "track_interface",
    "track_script",
    "track_file",
    "track_process",
    "track_bfd",
    "notify_priority_changes",
    "global_tracking",
    "sync_group_tracking_weight",
];

pub(super) const GARP_GROUP: &[&str] =
    &["garp_interval", "gna_interval", "interface", "interfaces"];

pub(super) const TRACK_GROUP: &[&str] = &["group"];

pub(super) const SSL: &[&str] = &["password", "ca", "certificate", "key"];

pub(super) const AUTH_HMAC: &[&str] = &["key", "active_key", "time_window", "anti_replay", "mode"];

pub(super) const SSL_GET: &[&str] = &["url", "enable_sni", "sni_name", "tls_compliant"];

pub(super) const SMTP_CHECK: &[&str] = &["helo_name", "host"];

pub(super) const MISC_CHECK: &[&str] = &["misc_path", "misc_timeout", "misc_dynamic", "user"];

pub(super) const DNS_CHECK: &[&str] = &["type", "name"];

pub(super) const UDP_CHECK: &[&str] = &[
    "payload",
    "require_reply",
    "min_reply_length",
    "max_reply_length",
];

pub(super) const BFD_CHECK: &[&str] = &["name", "alpha"];

pub(super) const FILE_CHECK: &[&str] = &["track_file", "weight"];
