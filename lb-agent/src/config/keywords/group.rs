//! `vrrp_sync_group`, `track_group`, `garp_group`.

use super::telling::notify;
use super::tracking::tracked;
use super::{Keyword, NONE, Section, TIME, bare, block, read, seconds, unread, word};
use crate::config::draft::SyncGroupDraft;
use crate::config::lower::group as lower;
use crate::config::model::GarpGroup;
use crate::config::text::Spanned;
use crate::config::value;

/// `vrrp_sync_group`
pub(crate) static VRRP_SYNC_GROUP: Section<SyncGroupDraft> =
    Section::new("vrrp_sync_group", &[SYNC, &notify(), &tracked()]);

/// `track_group`
pub(crate) static TRACK_GROUP: Section<Vec<Spanned<String>>> =
    Section::new("track_group", &[TRACK]);

/// `garp_group`
pub(crate) static GARP_GROUP: Section<GarpGroup> = Section::new("garp_group", &[GARP]);

const SYNC: &[Keyword<SyncGroupDraft>] = &[
    block("group", NONE, lower::sync_members)
        .example("{\nK\n}")
        .many(),
    bare("sync_group_tracking_weight", |g: &mut SyncGroupDraft, v| {
        g.sync_group_tracking_weight = v.value;
    }),
    unread("global_tracking", "")
        .accepted("keepalived has dropped it: `sync_group_tracking_weight` took its place"),
];

const TRACK: &[Keyword<Vec<Spanned<String>>>] = &[block("group", NONE, lower::track_members)
    .example("{\nK\n}")
    .many()];

const GARP: &[Keyword<GarpGroup>] = &[
    seconds("garp_interval", TIME, |g: &mut GarpGroup, v| {
        g.garp_interval = v.value;
    }),
    seconds("gna_interval", TIME, |g: &mut GarpGroup, v| {
        g.gna_interval = v.value;
    }),
    word(
        "interface",
        "INTERFACE",
        read!(value::interface => |g: &mut GarpGroup, v| g.interfaces.push(v.value)),
    )
    .many(),
    block("interfaces", NONE, lower::garp_interfaces)
        .example("{\neth7\n}")
        .many(),
];
