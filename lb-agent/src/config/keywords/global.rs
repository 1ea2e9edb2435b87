//! `global_defs`: VRRP, the data plane, mail, scripts, IPVS, files.

use std::time::Duration;

use super::process::{PROCESSES, SNMP_AND_DBUS};
use super::{
    ANY, COMMAND, Keyword, NONE, Section, TIME, block, byte, flag, line, number, read, seconds,
    signed, text, unread, word, words,
};
use crate::config::draft::GlobalDraft;
use crate::config::lower::global as lower;
use crate::config::model::{XdpAttach, XdpMode};
use crate::config::value;

/// `global_defs`
pub(crate) static GLOBAL_DEFS: Section<GlobalDraft> = Section::new(
    "global_defs",
    &[
        VRRP,
        GARP,
        FIREWALL,
        LINKS,
        OURS,
        MAIL,
        SCRIPTS,
        FIFOS,
        LVS,
        PROCESSES,
        SNMP_AND_DBUS,
        FILES,
    ],
);

const VRRP: &[Keyword<GlobalDraft>] = &[
    text("router_id", "NAME", |g: &mut GlobalDraft, v| {
        g.router_id = Some(v);
    })
    .default("the host's name"),
    word(
        "vrrp_mcast_group4",
        "ADDRESS",
        read!(value::multicast4 => |g: &mut GlobalDraft, v| g.vrrp_mcast_group4 = Some(v)),
    )
    .default("224.0.0.18")
    .example("230.0.0.1"),
    word(
        "vrrp_mcast_group6",
        "ADDRESS",
        read!(value::multicast6 => |g: &mut GlobalDraft, v| g.value.vrrp_mcast_group6 = v.value),
    )
    .default("ff02::12")
    .example("ff02::77"),
    byte("vrrp_version", 2..=3, |g: &mut GlobalDraft, v| {
        g.vrrp_version = Some(v);
    })
    .default("2")
    .example("2"),
    flag("vrrp_skip_check_adv_addr", |g: &mut GlobalDraft, v| {
        g.vrrp_skip_check_adv_addr = Some(v);
    }),
    flag("vrrp_strict", |g: &mut GlobalDraft, v| {
        g.vrrp_strict = Some(v);
    })
    .silent("off"),
    flag("vrrp_lower_prio_no_advert", |g: &mut GlobalDraft, v| {
        g.vrrp_lower_prio_no_advert = Some(v);
    }),
    flag("vrrp_higher_prio_send_advert", |g: &mut GlobalDraft, v| {
        g.vrrp_higher_prio_send_advert = Some(v);
    }),
    byte(
        "vrrp_down_timer_adverts",
        1..=100,
        |g: &mut GlobalDraft, v| g.vrrp_down_timer_adverts = Some(v),
    )
    .default("3")
    .since("2.2.3"),
    flag("vrrp_check_unicast_src", |g: &mut GlobalDraft, v| {
        g.vrrp_check_unicast_src = Some(v);
    }),
    flag("vrrp_owner_ignore_adverts", |g: &mut GlobalDraft, v| {
        g.vrrp_owner_ignore_adverts = Some(v);
    })
    .since("2.3.3"),
    flag("log_unknown_vrids", |g: &mut GlobalDraft, v| {
        g.value.vrrp.log_unknown_vrids = v.value;
    }),
    flag("v3_checksum_as_v2", |g: &mut GlobalDraft, v| {
        g.v3_checksum_as_v2 = Some(v);
    })
    .since("2.2.8"),
    seconds("vrrp_startup_delay", TIME, |g: &mut GlobalDraft, v| {
        g.value.vrrp.vrrp_startup_delay = v.value;
    })
    .silent("0"),
    seconds("vrrp_delay_after_boot", TIME, |g: &mut GlobalDraft, v| {
        g.value.vrrp.vrrp_delay_after_boot = v.value;
    })
    .since("2.4.0")
    .silent("0"),
];

const GARP: &[Keyword<GlobalDraft>] = &[
    flag("vrrp_min_garp", |g: &mut GlobalDraft, v| {
        g.vrrp_min_garp = Some(v);
    }),
    seconds("vrrp_garp_interval", TIME, |g: &mut GlobalDraft, v| {
        g.vrrp_garp_interval = Some(v);
    })
    .default("0: no pacing"),
    seconds("vrrp_gna_interval", TIME, |g: &mut GlobalDraft, v| {
        g.vrrp_gna_interval = Some(v);
    })
    .default("0: no pacing")
    .silent("0"),
    seconds("vrrp_garp_master_delay", TIME, |g: &mut GlobalDraft, v| {
        g.garp.master_delay = Some(v);
    })
    .default("5 s"),
    number(
        "vrrp_garp_master_repeat",
        1..=u32::MAX,
        |g: &mut GlobalDraft, v| g.garp.master_repeat = Some(v),
    )
    .default("5"),
    seconds(
        "vrrp_garp_master_refresh",
        TIME,
        |g: &mut GlobalDraft, v| g.garp.master_refresh = Some(v),
    )
    .default("0: off"),
    number(
        "vrrp_garp_master_refresh_repeat",
        1..=u32::MAX,
        |g: &mut GlobalDraft, v| {
            g.garp.master_refresh_repeat = Some(v);
        },
    )
    .default("1"),
    seconds(
        "vrrp_garp_lower_prio_delay",
        TIME,
        |g: &mut GlobalDraft, v| g.garp.lower_prio_delay = Some(v),
    )
    .default("`vrrp_garp_master_delay`"),
    number(
        "vrrp_garp_lower_prio_repeat",
        0..=u32::MAX,
        |g: &mut GlobalDraft, v| g.garp.lower_prio_repeat = Some(v),
    )
    .default("`vrrp_garp_master_repeat`"),
    line(
        "vrrp_garp_extra_if",
        words("[all] SECONDS", 1, 2),
        lower::garp_extra_if,
    )
    .or(&["vrrp_vmac_garp_intvl"])
    .since("2.2.3")
    .example("all 7"),
];

const FIREWALL: &[Keyword<GlobalDraft>] = &[
    line(
        "vrrp_iptables",
        words("[IN [OUT]]", 0, 2),
        lower::vrrp_iptables,
    )
    .example("IN OUT")
    .accepted("iptables is not used: what `no_accept` needs is one nftables table of its own"),
    line("vrrp_ipsets", words("NAME …", 0, ANY), lower::vrrp_ipsets)
        .example("x y z")
        .accepted("ipsets are not used"),
    line("nftables", words("[TABLE]", 0, 1), lower::nftables)
        .default("lb-agent")
        .example("seven"),
    signed(
        "nftables_priority",
        -1000..=1000,
        |g: &mut GlobalDraft, v| {
            g.value.vrrp.nftables_priority = Some(v.value);
        },
    )
    .default("-1"),
    flag("nftables_ifindex", |g: &mut GlobalDraft, v| {
        g.value.vrrp.nftables_ifindex = v.value;
    })
    .accepted("the rules name no interface"),
    flag("nftables_counters", |g: &mut GlobalDraft, v| {
        g.value.vrrp.nftables_counters = v.value;
    }),
];

const LINKS: &[Keyword<GlobalDraft>] = &[
    word("default_interface", "INTERFACE", read!(value::interface => |g: &mut GlobalDraft, v| g.default_interface = Some(v)))
        .example("eth7"),
    line("dynamic_interfaces", words("[allow_if_changes]", 0, 1), lower::dynamic_interfaces)
        .example("allow_if_changes")
        .later("an interface that is missing at start is an error"),
    flag("disable_local_igmp", |g: &mut GlobalDraft, v| g.value.vrrp.disable_local_igmp = v.value),
    text("vmac_prefix", "NAME", |g: &mut GlobalDraft, v| g.value.vrrp.vmac_prefix = Some(v.value))
        .default("vrrp"),
    text("vmac_addr_prefix", "NAME", |g: &mut GlobalDraft, v| g.value.vrrp.vmac_addr_prefix = Some(v.value))
        .later(NO_VMAC),
    word("vrrp_rx_bufs_policy", "MTU|ADVERT|BYTES", read!(lower::rx_bufs => |g: &mut GlobalDraft, v| g.value.vrrp.vrrp_rx_bufs_policy = Some(v.value)))
        .default("the kernel's")
        .example("MTU"),
    number("vrrp_rx_bufs_multiplier", 1..=u32::MAX, |g: &mut GlobalDraft, v| {
        g.value.vrrp.vrrp_rx_bufs_multiplier = Some(v.value);
    })
    .default("3"),
];

const NO_VMAC: &str = "interfaces keep their own MAC addresses";

const ATTACH: &[(&str, XdpAttach)] = &[("start", XdpAttach::Start), ("master", XdpAttach::Master)];

const MODE: &[(&str, XdpMode)] = &[
    ("auto", XdpMode::Auto),
    ("native", XdpMode::Native),
    ("generic", XdpMode::Generic),
];

/// Our own.
const OURS: &[Keyword<GlobalDraft>] = &[
    word(
        "xdp_attach",
        "start|master",
        read!(choice ATTACH => |g: &mut GlobalDraft, v| g.xdp_attach = Some(v)),
    )
    .default("start")
    .example("master"),
    word(
        "xdp_mode",
        "auto|native|generic",
        read!(choice MODE => |g: &mut GlobalDraft, v| g.xdp_mode = Some(v)),
    )
    .default("auto")
    .example("native"),
    line(
        "xdp_interfaces",
        words("INTERFACE …", 1, ANY),
        lower::xdp_interfaces,
    )
    .default("those of the virtual servers")
    .example("eth8")
    .many(),
    seconds("xdp_deadman", TIME, |g: &mut GlobalDraft, v| {
        g.xdp_deadman = Some(v);
    })
    .default("60 s"),
    flag("xdp_share_checks", |g: &mut GlobalDraft, v| {
        g.xdp_share_checks = Some(v);
    })
    .default("on")
    .silent("on")
    .example("off"),
];

const MAIL: &[Keyword<GlobalDraft>] = &[
    block("notification_email", NONE, lower::notification_email)
        .example("{\nroot@example.org\n}")
        .many(),
    text(
        "notification_email_from",
        "ADDRESS",
        |g: &mut GlobalDraft, v| {
            g.value.mail.notification_email_from = Some(v.value);
        },
    )
    .default("user@host"),
    line(
        "smtp_server",
        words("HOST [PORT]", 1, 2),
        lower::smtp_server,
    )
    .example("mail.example.org 26"),
    seconds("smtp_connect_timeout", TIME, |g: &mut GlobalDraft, v| {
        g.value.mail.smtp_connect_timeout = v.value.max(Duration::from_secs(1));
    })
    .default("30 s"),
    text("smtp_helo_name", "NAME", |g: &mut GlobalDraft, v| {
        g.value.mail.smtp_helo_name = Some(v.value);
    })
    .default("the host's name"),
    flag("smtp_alert", |g: &mut GlobalDraft, v| {
        g.value.mail.smtp_alert = Some(v.value);
    })
    .silent("off"),
    flag("smtp_alert_vrrp", |g: &mut GlobalDraft, v| {
        g.value.mail.smtp_alert_vrrp = Some(v.value);
    })
    .silent("off"),
    flag("smtp_alert_checker", |g: &mut GlobalDraft, v| {
        g.value.mail.smtp_alert_checker = Some(v.value);
    })
    .silent("off"),
    flag("no_email_faults", |g: &mut GlobalDraft, v| {
        g.value.mail.no_email_faults = v.value;
    }),
    flag("no_checker_emails", |g: &mut GlobalDraft, v| {
        g.value.mail.no_checker_emails = v.value;
    }),
];

/// Longest time that a script of start or stop may take.
const SCRIPT_TIME: std::ops::RangeInclusive<Duration> =
    Duration::from_secs(1)..=Duration::from_secs(1000);

const SCRIPTS: &[Keyword<GlobalDraft>] = &[
    line(
        "script_user",
        words("USER [GROUP]", 1, 2),
        lower::script_user,
    )
    .default("keepalived_script, else root")
    .example("nobody nogroup"),
    flag("enable_script_security", |g: &mut GlobalDraft, v| {
        g.value.scripts.enable_script_security = v.value;
    }),
    line("startup_script", COMMAND, lower::startup_script)
        .since("2.1.0")
        .example("/bin/true"),
    seconds(
        "startup_script_timeout",
        SCRIPT_TIME,
        |g: &mut GlobalDraft, v| g.startup_script_timeout = Some(v),
    )
    .since("2.1.0")
    .default("10 s"),
    line("shutdown_script", COMMAND, lower::shutdown_script)
        .since("2.1.0")
        .example("/bin/true"),
    seconds(
        "shutdown_script_timeout",
        SCRIPT_TIME,
        |g: &mut GlobalDraft, v| g.shutdown_script_timeout = Some(v),
    )
    .since("2.1.0")
    .default("10 s"),
];

const FIFO: super::Words = words("PATH [USER [GROUP]]", 1, 3);

const FIFOS: &[Keyword<GlobalDraft>] = &[
    line("notify_fifo", FIFO, lower::notify_fifo).example("/run/seven"),
    line("notify_fifo_script", COMMAND, lower::notify_fifo_script).example("/bin/true"),
    line("vrrp_notify_fifo", FIFO, lower::vrrp_notify_fifo).example("/run/seven"),
    line(
        "vrrp_notify_fifo_script",
        COMMAND,
        lower::vrrp_notify_fifo_script,
    )
    .example("/bin/true"),
    line("lvs_notify_fifo", FIFO, lower::lvs_notify_fifo).example("/run/seven"),
    line(
        "lvs_notify_fifo_script",
        COMMAND,
        lower::lvs_notify_fifo_script,
    )
    .example("/bin/true"),
    flag("vrrp_notify_priority_changes", |g: &mut GlobalDraft, v| {
        g.vrrp_notify_priority_changes = Some(v);
    }),
    flag(
        "fifo_write_vrrp_states_on_reload",
        |g: &mut GlobalDraft, v| {
            g.value.notify.fifo_write_vrrp_states_on_reload = v.value;
        },
    )
    .later(RELOADS),
    flag("rs_init_notifies", |g: &mut GlobalDraft, v| {
        g.value.notify.rs_init_notifies = v.value;
    }),
];

const NO_IPVS: &str = "kernel IPVS is not used";

const LVS: &[Keyword<GlobalDraft>] = &[
    flag("checker_log_all_failures", |g: &mut GlobalDraft, v| {
        g.checker_log_all_failures = Some(v);
    })
    .since("2.0.11"),
    line(
        "lvs_sync_daemon",
        words(
            "INTERFACE [[inst] INSTANCE] [id N] [maxlen N] [port N] [ttl N] [group ADDRESS]",
            1,
            ANY,
        ),
        lower::lvs_sync_daemon,
    )
    .example("eth7 A id 7 port 77")
    .later("connections are not told to the other director"),
    line(
        "lvs_timeouts",
        words("[tcp N] [tcpfin N] [udp N]", 2, 6),
        lower::lvs_timeouts,
    )
    .default("the kernel's")
    .example("tcp 7 udp 8")
    .later("flows live as long as IPVS's defaults say"),
    flag("lvs_flush", |g: &mut GlobalDraft, v| {
        g.value.lvs.lvs_flush = v.value;
    })
    .later(NO_IPVS),
    line(
        "lvs_flush_on_stop",
        words("[VS]", 0, 1),
        lower::lvs_flush_on_stop,
    )
    .or(&["lvs_flush_onstop"])
    .example("VS")
    .later(NO_IPVS),
    line(
        "nftables_ipvs",
        words("[TABLE]", 0, 1),
        lower::nftables_ipvs,
    )
    .default("off")
    .since("2.2.0")
    .example("seven")
    .later(NO_IPVS),
    signed(
        "nftables_ipvs_priority",
        -1000..=1000,
        |g: &mut GlobalDraft, v| g.nftables_ipvs.priority = v.value,
    )
    .since("2.2.0")
    .later(NO_IPVS),
    number(
        "nftables_ipvs_start_fwmark",
        1..=u32::MAX,
        |g: &mut GlobalDraft, v| {
            g.nftables_ipvs.start_fwmark = v.value;
        },
    )
    .default("1000")
    .since("2.2.0")
    .later(NO_IPVS),
];

const RELOADS: &str = "reloading is not built yet";

const FILES: &[Keyword<GlobalDraft>] = &[
    line("reload_check_config", words("[LOG]", 0, 1), lower::reload_check_config)
        .since("2.2.0")
        .example("/run/seven")
        .later(RELOADS),
    word("reload_time_file", "PATH", read!(value::path => |g: &mut GlobalDraft, v| g.value.reload.reload_time_file = Some(v.value)))
        .since("2.1.0")
        .later(RELOADS),
    flag("reload_repeat", |g: &mut GlobalDraft, v| g.value.reload.reload_repeat = v.value).later(RELOADS),
    line("reload_file", words("[PATH]", 0, 1), lower::reload_file)
        .example("/run/seven")
        .later(RELOADS),
    word("config_save_dir", "PATH", read!(value::path => |g: &mut GlobalDraft, v| g.value.reload.config_save_dir = Some(v.value)))
        .since("2.2.3")
        .later("the configuration is not copied"),
    word("tmp_config_directory", "PATH", read!(value::path => |g: &mut GlobalDraft, v| g.value.reload.tmp_config_directory = Some(v.value)))
        .since("2.2.8")
        .later("no temporary files are made of the configuration"),
    byte("json_version", 1..=2, |g: &mut GlobalDraft, v| g.value.dump.json_version = v.value)
        .default("1")
        .since("2.2.8"),
    flag("data_use_instance", |g: &mut GlobalDraft, v| g.value.dump.data_use_instance = v.value),
    word("state_dump_file", "PATH", read!(value::path => |g: &mut GlobalDraft, v| g.value.dump.state_dump_file = Some(v.value)))
        .since("2.3.3"),
    word("stats_dump_file", "PATH", read!(value::path => |g: &mut GlobalDraft, v| g.value.dump.stats_dump_file = Some(v.value)))
        .since("2.3.3"),
    word("json_dump_file", "PATH", read!(value::path => |g: &mut GlobalDraft, v| g.value.dump.json_dump_file = Some(v.value)))
        .since("2.3.3"),
    word("umask", "OCTAL|NAMES", read!(value::octal => |g: &mut GlobalDraft, v| g.value.process.umask = v.value))
        .default("0177")
        .example("077"),
    unread("random_seed", "N").accepted("the random numbers of this program come from the kernel"),
    unread("use_symlink_paths", "").accepted("paths are used as they are written"),
    unread("iproute_usr_dir", "PATH").since("2.2.8").accepted(IPROUTE),
    unread("iproute_etc_dir", "PATH").since("2.2.8").accepted(IPROUTE),
];

const IPROUTE: &str = "names of tables and scopes are not read from iproute2's files";
