//! `global_defs`: processes, SNMP, D-Bus.

use std::ops::RangeInclusive;

use super::{Keyword, Unit, bare, flag, signed, units, unread};
use crate::config::draft::GlobalDraft;

const LIMITS: &str = "the limit is one of a process, and its end would take every thread along; a VRRP thread that \
                      hangs is noticed by the agent, which leaves the virtual routers and ends";
const AFFINITY: &str = "where the threads run is left to the kernel; `taskset` can pin them";
const BUFFERS: &str = "the buffers of netlink sockets are sized by the program itself";
const NAMES: &str = "there is one process, `lb-agent`";
const SNMP: &str = "this program is no SNMP agent; its figures are in `lb-agent dump`";
const DBUS: &str = "this program is not on D-Bus; its state is in `lb-agent dump`";
const NICE: RangeInclusive<i32> = -20..=19;
const REAL_TIME: RangeInclusive<u8> = 1..=99;

fn small(number: i32) -> Option<i8> {
    i8::try_from(number).ok()
}

pub(super) const PROCESSES: &[Keyword<GlobalDraft>] = &[
    signed("max_auto_priority", -1..=99, |g: &mut GlobalDraft, v| {
        g.value.process.max_auto_priority = small(v.value);
    })
    .goes_on()
    .default("0: off"),
    units(
        "min_auto_priority_delay",
        Unit::Micros,
        1..=10_000_000,
        |g: &mut GlobalDraft, v| {
            g.value.process.min_auto_priority_delay = v.value;
        },
    )
    .goes_on()
    .default("1000000 µs"),
    signed("vrrp_priority", NICE, |g: &mut GlobalDraft, v| {
        g.value.process.vrrp_priority = small(v.value);
    })
    .goes_on(),
    signed("checker_priority", NICE, |g: &mut GlobalDraft, v| {
        g.value.process.checker_priority = small(v.value);
    })
    .goes_on(),
    signed("bfd_priority", NICE, |g: &mut GlobalDraft, v| {
        g.value.process.bfd_priority = small(v.value);
    })
    .goes_on(),
    super::byte("vrrp_rt_priority", REAL_TIME, |g: &mut GlobalDraft, v| {
        g.value.process.vrrp_rt_priority = Some(v.value);
    })
    .goes_on(),
    super::byte(
        "checker_rt_priority",
        REAL_TIME,
        |g: &mut GlobalDraft, v| {
            g.value.process.checker_rt_priority = Some(v.value);
        },
    )
    .goes_on(),
    super::byte("bfd_rt_priority", REAL_TIME, |g: &mut GlobalDraft, v| {
        g.value.process.bfd_rt_priority = Some(v.value);
    })
    .goes_on(),
    bare("vrrp_no_swap", |g: &mut GlobalDraft, v| {
        g.value.process.vrrp_no_swap = v.value;
    }),
    bare("checker_no_swap", |g: &mut GlobalDraft, v| {
        g.value.process.checker_no_swap = v.value;
    }),
    bare("bfd_no_swap", |g: &mut GlobalDraft, v| {
        g.value.process.bfd_no_swap = v.value;
    }),
    units(
        "vrrp_rlimit_rttime",
        Unit::Micros,
        1..=u32::MAX,
        |g: &mut GlobalDraft, v| {
            g.value.process.vrrp_rlimit_rttime = Some(v.value);
        },
    )
    .or(&["vrrp_rlimit_rtime"])
    .accepted(LIMITS),
    units(
        "checker_rlimit_rttime",
        Unit::Micros,
        1..=u32::MAX,
        |g: &mut GlobalDraft, v| {
            g.value.process.checker_rlimit_rttime = Some(v.value);
        },
    )
    .or(&["checker_rlimit_rtime"])
    .accepted(LIMITS),
    unread("bfd_rlimit_rttime", "N (µs)")
        .default("10000 µs")
        .or(&["bfd_rlimit_rtime"])
        .accepted(LIMITS),
    unread("vrrp_cpu_affinity", "CPU …").accepted(AFFINITY),
    unread("checker_cpu_affinity", "CPU …").accepted(AFFINITY),
    unread("bfd_cpu_affinity", "CPU …").accepted(AFFINITY),
    flag("set_supplementary_groups", |g: &mut GlobalDraft, v| {
        g.value.scripts.set_supplementary_groups = v.value;
    })
    .default("off: a script has one group")
    .since("after 2.4.3"),
    unread("process_names", "").accepted(NAMES),
    unread("process_name", "NAME").accepted(NAMES),
    unread("vrrp_process_name", "NAME").accepted(NAMES),
    unread("checker_process_name", "NAME")
        .or(&["lvs_process_name"])
        .accepted(NAMES),
    unread("bfd_process_name", "NAME").accepted(NAMES),
    unread("vrrp_netlink_cmd_rcv_bufs", "BYTES")
        .default("the kernel\'s")
        .accepted(BUFFERS),
    unread("vrrp_netlink_cmd_rcv_bufs_force", "[on|off]").accepted(BUFFERS),
    unread("vrrp_netlink_monitor_rcv_bufs", "BYTES")
        .default("the kernel\'s")
        .accepted(BUFFERS),
    unread("vrrp_netlink_monitor_rcv_bufs_force", "[on|off]").accepted(BUFFERS),
    unread("lvs_netlink_cmd_rcv_bufs", "BYTES")
        .default("the kernel\'s")
        .accepted(BUFFERS),
    unread("lvs_netlink_cmd_rcv_bufs_force", "[on|off]").accepted(BUFFERS),
    unread("lvs_netlink_monitor_rcv_bufs", "BYTES")
        .default("the kernel\'s")
        .accepted(BUFFERS),
    unread("lvs_netlink_monitor_rcv_bufs_force", "[on|off]").accepted(BUFFERS),
    unread("process_monitor_rcv_bufs", "BYTES")
        .default("the kernel\'s")
        .accepted(BUFFERS),
    unread("process_monitor_rcv_bufs_force", "[on|off]").accepted(BUFFERS),
];

pub(super) const SNMP_AND_DBUS: &[Keyword<GlobalDraft>] = &[
    bare("enable_traps", |g: &mut GlobalDraft, v| {
        g.value.enable_traps = v.value;
    })
    .accepted(SNMP),
    unread("enable_snmp_vrrp", "").accepted(SNMP),
    unread("enable_snmp_checker", "").accepted(SNMP),
    unread("enable_snmp_rfc", "").accepted(SNMP),
    unread("enable_snmp_rfcv2", "").accepted(SNMP),
    unread("enable_snmp_rfcv3", "").accepted(SNMP),
    unread("enable_snmp_keepalived", "").accepted(SNMP),
    unread("snmp_socket", "SOCKET").accepted(SNMP),
    unread("snmp_vs_stats_update_interval", "0.001–30 (s)")
        .default("5 s")
        .accepted(SNMP),
    unread("snmp_rs_stats_update_interval", "0.001–30 (s)")
        .default("5 s")
        .accepted(SNMP),
    unread("enable_dbus", "").accepted(DBUS),
    unread("dbus_service_name", "NAME").accepted(DBUS),
    unread("dbus_no_interface_name", "").accepted(DBUS),
];
