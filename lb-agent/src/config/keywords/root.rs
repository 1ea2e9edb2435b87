//! The top level (keepalived.conf(5): "top hierarchy").

use super::{Keyword, Section, Words, accepted, block, elsewhere, later, later_block, later_but};
use crate::config::draft::ConfigDraft;
use crate::config::lower;

/// The name of a block that has none.
pub(crate) const TOP_LEVEL: &str = "top level";

/// The top level.
pub(crate) static ROOT: Section<ConfigDraft> = Section::new(TOP_LEVEL, &[KEYWORDS]);

/// Whether a block of this name stands at the top level and nowhere else, so that it shows where
/// a block before it was left open.
pub(crate) fn is_root_block(name: &str) -> bool {
    matches!(
        name,
        "global_defs"
            | "vrrp_instance"
            | "vrrp_sync_group"
            | "vrrp_script"
            | "vrrp_track_process"
            | "vrrp_track_file"
            | "virtual_server"
            | "virtual_server_group"
            | "static_ipaddress"
            | "static_routes"
            | "static_rules"
            | "bfd_instance"
            | "garp_group"
    )
}

const NAMESPACE: &str = "the program stays in the namespace that it was started in";

const ONE_PROCESS: &str = "all parts run in one process and nothing is kept in a PID directory";

const KEYWORDS: &[Keyword<ConfigDraft>] = &[
    block("global_defs", super::NONE, lower::global_defs),
    block("vrrp_instance", super::one("NAME"), lower::vrrp_instance),
    block(
        "virtual_server",
        Words {
            syntax: "IP PORT",
            least: 1,
            most: 2,
        },
        lower::virtual_server,
    ),
    later_block("vrrp_sync_group", elsewhere::VRRP_SYNC_GROUP),
    later_block("vrrp_script", elsewhere::VRRP_SCRIPT),
    later_block("vrrp_track_process", elsewhere::VRRP_TRACK_PROCESS),
    later_block("track_file", elsewhere::TRACK_FILE).or(&["vrrp_track_file"]),
    later_block("bfd_instance", elsewhere::BFD_INSTANCE),
    later_block("garp_group", elsewhere::GARP_GROUP),
    later_block("track_group", elsewhere::TRACK_GROUP),
    later_but(
        "virtual_server_group",
        "no service is made of its addresses",
    ),
    later_but("static_ipaddress", "these addresses are not set"),
    later_but("static_routes", "these routes are not set"),
    later_but("static_rules", "these rules are not set"),
    later_block("SSL", elsewhere::SSL),
    later("linkbeat_interfaces"),
    later("linkbeat_use_polling"),
    later("interface_up_down_delays"),
    later_but("net_namespace", NAMESPACE),
    later_but("net_namespace_ipvs", NAMESPACE),
    later("namespace_with_ipsets"),
    later("instance"),
    later("include_check"),
    accepted("use_pid_dir", ONE_PROCESS),
    accepted("child_wait_time", ONE_PROCESS),
];
