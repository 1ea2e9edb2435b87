//! `global_defs`.

use std::time::Duration;

use super::{
    Keyword, Section, Words, YEAR, accepted, byte, flag, later, later_but, later_unless, line,
    number, one, seconds, text,
};
use crate::config::draft::GlobalDraft;
use crate::config::lower::global as lower;

/// `global_defs`
pub(crate) static GLOBAL_DEFS: Section<GlobalDraft> = Section::new(
    "global_defs",
    &[VRRP, OURS, CHECKS, MAIL, SCRIPTS, LVS, PROCESSES, FILES],
);

/// Defaults of the instances.
const VRRP: &[Keyword<GlobalDraft>] = &[
    text("router_id", |g| &mut g.router_id),
    line(
        "default_interface",
        one("INTERFACE"),
        lower::default_interface,
    ),
    line(
        "vrrp_mcast_group4",
        one("ADDRESS"),
        lower::vrrp_mcast_group4,
    ),
    byte("vrrp_version", 2..=3, |g| &mut g.vrrp_version),
    flag("vrrp_skip_check_adv_addr", |g| {
        &mut g.vrrp_skip_check_adv_addr
    }),
    flag("vrrp_lower_prio_no_advert", |g| {
        &mut g.vrrp_lower_prio_no_advert
    }),
    flag("vrrp_higher_prio_send_advert", |g| {
        &mut g.vrrp_higher_prio_send_advert
    }),
    byte("vrrp_down_timer_adverts", 1..=100, |g| {
        &mut g.vrrp_down_timer_adverts
    }),
    flag("vrrp_min_garp", |g| &mut g.vrrp_min_garp),
    seconds("vrrp_garp_interval", Duration::ZERO..=YEAR, |g| {
        &mut g.vrrp_garp_interval
    }),
    seconds("vrrp_garp_master_delay", Duration::ZERO..=YEAR, |g| {
        &mut g.garp.master_delay
    }),
    number("vrrp_garp_master_repeat", 1..=u32::MAX, |g| {
        &mut g.garp.master_repeat
    }),
    seconds("vrrp_garp_master_refresh", Duration::ZERO..=YEAR, |g| {
        &mut g.garp.master_refresh
    }),
    number("vrrp_garp_master_refresh_repeat", 1..=u32::MAX, |g| {
        &mut g.garp.master_refresh_repeat
    }),
    seconds("vrrp_garp_lower_prio_delay", Duration::ZERO..=YEAR, |g| {
        &mut g.garp.lower_prio_delay
    }),
    number("vrrp_garp_lower_prio_repeat", 0..=u32::MAX, |g| {
        &mut g.garp.lower_prio_repeat
    }),
    later("vrrp_mcast_group6"),
    later_but(
        "vrrp_strict",
        "with keepalived it makes the virtual addresses answer nothing, not even ping, and \
         ignores authentication, unicast peers and preempt_delay",
    ),
    later("vrrp_iptables"),
    later("vrrp_ipsets"),
    later("nftables"),
    later("nftables_priority"),
    later("nftables_ifindex"),
    later("nftables_counters"),
    later_unless("vrrp_gna_interval", "0"),
    later("vrrp_garp_extra_if").or(&["vrrp_vmac_garp_intvl"]),
    later("vrrp_check_unicast_src"),
    later("vrrp_owner_ignore_adverts"),
    later("log_unknown_vrids"),
    later("v3_checksum_as_v2"),
    later_unless("vrrp_startup_delay", "0"),
    later("vrrp_delay_after_boot"),
    later("dynamic_interfaces"),
    later("disable_local_igmp"),
    later("vmac_prefix"),
    later("vmac_addr_prefix"),
    later("vrrp_notify_priority_changes"),
    later("fifo_write_vrrp_states_on_reload"),
    later("vrrp_rx_bufs_policy"),
    later("vrrp_rx_bufs_multiplier"),
];

/// Our own.
const OURS: &[Keyword<GlobalDraft>] = &[
    line("xdp_attach", one("start|master"), lower::xdp_attach),
    line("xdp_mode", one("auto|native|generic"), lower::xdp_mode),
    line(
        "xdp_interfaces",
        Words {
            syntax: "INTERFACE …",
            least: 1,
            most: usize::MAX,
        },
        lower::xdp_interfaces,
    ),
    seconds("xdp_deadman", Duration::ZERO..=YEAR, |g| &mut g.xdp_deadman),
];

const CHECKS: &[Keyword<GlobalDraft>] = &[
    flag("checker_log_all_failures", |g| {
        &mut g.checker_log_all_failures
    }),
    later("rs_init_notifies"),
];

const MAIL: &[Keyword<GlobalDraft>] = &[
    later("notification_email"),
    later("notification_email_from"),
    later("smtp_server"),
    later("smtp_connect_timeout"),
    later("smtp_helo_name"),
    later("smtp_alert"),
    later("smtp_alert_vrrp"),
    later("smtp_alert_checker"),
    later("no_email_faults"),
    later("no_checker_emails"),
];

const SCRIPTS: &[Keyword<GlobalDraft>] = &[
    later("script_user"),
    later("enable_script_security"),
    later("startup_script"),
    later("startup_script_timeout"),
    later("shutdown_script"),
    later("shutdown_script_timeout"),
    later("notify_fifo"),
    later("notify_fifo_script"),
    later("vrrp_notify_fifo"),
    later("vrrp_notify_fifo_script"),
    later("lvs_notify_fifo"),
    later("lvs_notify_fifo_script"),
];

const LVS: &[Keyword<GlobalDraft>] = &[
    later("lvs_sync_daemon"),
    later("lvs_timeouts"),
    later("lvs_flush"),
    later("lvs_flush_on_stop").or(&["lvs_flush_onstop"]),
    later("nftables_ipvs"),
    later("nftables_ipvs_priority"),
    later("nftables_ipvs_start_fwmark"),
];

const LIMITS: &str = "the limits of keepalived's processes do not fit a program of threads";
const AFFINITY: &str = "where the threads run is left to the kernel; `taskset` can pin them";
const BUFFERS: &str = "the buffers of netlink sockets are sized by the program itself";
const NAMES: &str = "there is one process, `lb-agent`";
const SNMP: &str = "this program is no SNMP agent; its figures are in `lb-agent dump`";
const DBUS: &str = "this program is not on D-Bus; its state is in `lb-agent dump`";

const PROCESSES: &[Keyword<GlobalDraft>] = &[
    later("max_auto_priority"),
    later("min_auto_priority_delay"),
    later("vrrp_priority"),
    later("vrrp_rt_priority"),
    later("vrrp_no_swap"),
    later("checker_priority"),
    later("checker_rt_priority"),
    later("checker_no_swap"),
    later("bfd_priority"),
    later("bfd_rt_priority"),
    later("bfd_no_swap"),
    accepted("vrrp_cpu_affinity", AFFINITY),
    accepted("checker_cpu_affinity", AFFINITY),
    accepted("bfd_cpu_affinity", AFFINITY),
    accepted("vrrp_rlimit_rttime", LIMITS).or(&["vrrp_rlimit_rtime"]),
    accepted("checker_rlimit_rttime", LIMITS).or(&["checker_rlimit_rtime"]),
    accepted("bfd_rlimit_rttime", LIMITS).or(&["bfd_rlimit_rtime"]),
    accepted("process_names", NAMES),
    accepted("process_name", NAMES),
    accepted("vrrp_process_name", NAMES),
    accepted("checker_process_name", NAMES).or(&["lvs_process_name"]),
    accepted("bfd_process_name", NAMES),
    accepted("vrrp_netlink_cmd_rcv_bufs", BUFFERS),
    accepted("vrrp_netlink_cmd_rcv_bufs_force", BUFFERS),
    accepted("vrrp_netlink_monitor_rcv_bufs", BUFFERS),
    accepted("vrrp_netlink_monitor_rcv_bufs_force", BUFFERS),
    accepted("lvs_netlink_cmd_rcv_bufs", BUFFERS),
    accepted("lvs_netlink_cmd_rcv_bufs_force", BUFFERS),
    accepted("lvs_netlink_monitor_rcv_bufs", BUFFERS),
    accepted("lvs_netlink_monitor_rcv_bufs_force", BUFFERS),
    accepted("process_monitor_rcv_bufs", BUFFERS),
    accepted("process_monitor_rcv_bufs_force", BUFFERS),
    later("enable_traps"),
    accepted("enable_snmp_vrrp", SNMP),
    accepted("enable_snmp_checker", SNMP),
    accepted("enable_snmp_rfc", SNMP),
    accepted("enable_snmp_rfcv2", SNMP),
    accepted("enable_snmp_rfcv3", SNMP),
    accepted("enable_snmp_keepalived", SNMP),
    accepted("snmp_socket", SNMP),
    accepted("snmp_vs_stats_update_interval", SNMP),
    accepted("snmp_rs_stats_update_interval", SNMP),
    accepted("enable_dbus", DBUS),
    accepted("dbus_service_name", DBUS),
    accepted("dbus_no_interface_name", DBUS),
];

const FILES: &[Keyword<GlobalDraft>] = &[
    later("umask"),
    accepted(
        "random_seed",
        "the random numbers of this program come from the kernel",
    ),
    accepted("use_symlink_paths", "paths are used as they are written"),
    later("set_supplementary_groups"),
    accepted(
        "iproute_usr_dir",
        "names of tables and scopes are not read from iproute2's files",
    ),
    accepted(
        "iproute_etc_dir",
        "names of tables and scopes are not read from iproute2's files",
    ),
    later("reload_check_config"),
    later("reload_time_file"),
    later("reload_repeat"),
    later("reload_file"),
    later("config_save_dir"),
    later("tmp_config_directory"),
    later("json_version"),
    later("data_use_instance"),
    later("state_dump_file"),
    later("stats_dump_file"),
    later("json_dump_file"),
];
