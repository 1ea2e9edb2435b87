//! `vrrp_script`, `vrrp_track_process`, `track_file`.

use std::time::Duration;

use super::{ANY, Keyword, Section, Words, bare, line, number, read, seconds, short, word, words};
use crate::config::draft::TrackFileDraft;
use crate::config::lower::script as lower;
use crate::config::model::{ParamMatch, VrrpScript, VrrpTrackProcess};
use crate::config::value;

/// `vrrp_script`
pub(crate) static VRRP_SCRIPT: Section<VrrpScript> = Section::new("vrrp_script", &[SCRIPT]);

/// `vrrp_track_process`
pub(crate) static VRRP_TRACK_PROCESS: Section<VrrpTrackProcess> =
    Section::new("vrrp_track_process", &[PROCESS]);

/// `track_file`
pub(crate) static TRACK_FILE: Section<TrackFileDraft> = Section::new("track_file", &[FILE]);

/// `weight N [reverse]`
pub(super) const WEIGHT: Words = words("-253–253 [reverse]", 1, 2);

/// keepalived counts milliseconds here.
const MILLISECOND: Duration = Duration::from_millis(1);

const DAY: Duration = Duration::from_hours(24);

const SCRIPT: &[Keyword<VrrpScript>] = &[
    word("script", "COMMAND", |s: &mut VrrpScript, w, _| {
        w.clone_into(&mut s.script.command);
        Ok(())
    })
    .goes_on(),
    seconds("interval", MILLISECOND..=DAY, |s: &mut VrrpScript, v| {
        s.interval = v.value;
    })
    .default("1 s"),
    seconds("timeout", Duration::ZERO..=DAY, |s: &mut VrrpScript, v| {
        s.timeout = v.value;
    })
    .default("`interval`"),
    line("weight", WEIGHT, lower::script_weight)
        .default("0: FAULT when it fails")
        .example("-7"),
    number("rise", 1..=u32::MAX, |s: &mut VrrpScript, v| {
        s.rise = v.value;
    })
    .default("1"),
    number("fall", 1..=u32::MAX, |s: &mut VrrpScript, v| {
        s.fall = v.value;
    })
    .default("1"),
    line("user", words("USER [GROUP]", 1, 2), lower::script_user)
        .default("`script_user`")
        .example("nobody"),
    bare("init_fail", |s: &mut VrrpScript, v| s.init_fail = v.value),
];

const HOUR: Duration = Duration::from_hours(1);

const PARAM_MATCH: &[(&str, ParamMatch)] = &[
    ("initial", ParamMatch::Initial),
    ("partial", ParamMatch::Partial),
];

const PROCESS: &[Keyword<VrrpTrackProcess>] = &[
    line(
        "process",
        words("NAME [ARGUMENT …]", 1, ANY),
        lower::process,
    )
    .example("nginx -g"),
    word(
        "param_match",
        "initial|partial",
        read!(choice PARAM_MATCH => |p: &mut VrrpTrackProcess, v| p.param_match = Some(v.value)),
    )
    .goes_on()
    .example("initial")
    .default("all arguments are equal"),
    line("weight", WEIGHT, lower::process_weight)
        .goes_on()
        .default("0: FAULT when it does not run")
        .example("-7"),
    short("quorum", 1..=u16::MAX, |p: &mut VrrpTrackProcess, v| {
        p.quorum = v.value;
    })
    .default("1"),
    short("quorum_max", 0..=u16::MAX, |p: &mut VrrpTrackProcess, v| {
        p.quorum_max = Some(v.value);
    }),
    seconds(
        "delay",
        super::SHORTEST..=HOUR,
        |p: &mut VrrpTrackProcess, v| p.delay = v.value,
    ),
    seconds(
        "terminate_delay",
        super::SHORTEST..=HOUR,
        |p: &mut VrrpTrackProcess, v| {
            p.terminate_delay = v.value;
        },
    )
    .default("`delay`"),
    seconds(
        "fork_delay",
        super::SHORTEST..=HOUR,
        |p: &mut VrrpTrackProcess, v| {
            p.fork_delay = v.value;
        },
    )
    .default("`delay`"),
    bare("full_command", |p: &mut VrrpTrackProcess, v| {
        p.full_command = v.value;
    }),
];

const FILE: &[Keyword<TrackFileDraft>] = &[
    word(
        "file",
        "PATH",
        read!(value::path => |f: &mut TrackFileDraft, v| f.file = Some(v)),
    )
    .goes_on()
    .example("/run/seven"),
    line("weight", WEIGHT, lower::file_weight)
        .goes_on()
        .default("1")
        .example("7"),
    line(
        "init_file",
        words("[VALUE] [overwrite]", 0, 2),
        lower::init_file,
    )
    .example("7 overwrite"),
];
