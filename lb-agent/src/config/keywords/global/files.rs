//! IPVS, reload and files in `global_defs`.

use super::super::{
    ANY, Keyword, bare, byte, flag, line, number, read, signed, unread, word, words,
};
use crate::config::draft::GlobalDraft;
use crate::config::lower::global as lower;
use crate::config::value;

pub(super) const LVS: &[Keyword<GlobalDraft>] = &[
    flag("checker_log_all_failures", |g: &mut GlobalDraft, v| {
        g.checker_log_all_failures = Some(v);
    })
    .since("2.0.11"),
    line(
        "lvs_sync_daemon",
        words(
            "INTERFACE [[inst] INSTANCE] [id 0–255] [maxlen 1–65507 (bytes)] [port 1–65535] \
             [ttl 1–255] [group ADDRESS]",
            1,
            ANY,
        ),
        lower::lvs_sync_daemon,
    )
    .goes_on()
    .example("eth7 A id 7 port 77"),
    line(
        "lvs_timeouts",
        words("[tcp N] [tcpfin N] [udp N]", 2, 6),
        lower::lvs_timeouts,
    )
    .goes_on()
    .default("the kernel's; flows of XDP live as long as these say")
    .example("tcp 7 udp 8"),
    bare("lvs_flush", |g: &mut GlobalDraft, v| {
        g.value.lvs.lvs_flush = v.value;
    }),
    line(
        "lvs_flush_on_stop",
        words("[VS]", 0, 1),
        lower::lvs_flush_on_stop,
    )
    .or(&["lvs_flush_onstop"])
    .example("VS"),
    line(
        "nftables_ipvs",
        words("[TABLE]", 0, 1),
        lower::nftables_ipvs,
    )
    .default("off")
    .since("2.2.0")
    .example("seven"),
    signed(
        "nftables_ipvs_priority",
        -1000..=1000,
        |g: &mut GlobalDraft, v| g.nftables_ipvs.priority = v.value,
    )
    .default("0")
    .since("2.2.0"),
    number(
        "nftables_ipvs_start_fwmark",
        1..=u32::MAX,
        |g: &mut GlobalDraft, v| {
            g.nftables_ipvs.start_fwmark = v.value;
        },
    )
    .default("1000")
    .since("2.2.0"),
];

pub(super) const FILES: &[Keyword<GlobalDraft>] = &[
    line(
        "include_check",
        words("[[+|-]read] [[+|-]match] [[+|-]wildcard_match] [[+|-]brace_match]", 0, ANY),
        lower::include_check,
    )
    .default("nothing; without a word all")
    .since("2.1.0")
    .many(),
    line("reload_check_config", words("[LOG]", 0, 1), lower::reload_check_config)
        .since("2.2.0")
        .example("/run/seven"),
    word("reload_time_file", "PATH", read!(value::path => |g: &mut GlobalDraft, v| g.value.reload.reload_time_file = Some(v.value))).goes_on()
        .since("2.1.0"),
    bare("reload_repeat", |g: &mut GlobalDraft, v| g.value.reload.reload_repeat = v.value),
    line("reload_file", words("[PATH]", 0, 1), lower::reload_file).example("/run/seven"),
    word("config_save_dir", "PATH", read!(value::path => |g: &mut GlobalDraft, v| g.value.reload.config_save_dir = Some(v.value)))
        .since("2.2.3"),
    word("tmp_config_directory", "PATH", read!(value::path => |g: &mut GlobalDraft, v| g.value.reload.tmp_config_directory = Some(v.value))).goes_on()
        .since("2.2.8")
        .accepted("one process reads the configuration, and no copy of its text is kept, in memory or in a file"),
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
    line("umask", words("NUMBER|BIT[|BIT …]", 1, ANY), lower::umask)
        .default("0177")
        .example("IRGRP | IWGRP"),
    unread("random_seed", "N").accepted("the random numbers of this program come from the kernel"),
    unread("use_symlink_paths", "").accepted("paths are used as they are written"),
    unread("iproute_usr_dir", "PATH").since("2.2.8").accepted(IPROUTE),
    unread("iproute_etc_dir", "PATH").since("2.2.8").accepted(IPROUTE),
];

const IPROUTE: &str = "names of tables and scopes are not read from iproute2's files";
