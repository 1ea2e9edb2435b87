//! What instances and sync groups track, and the options of such lines.

use super::{Keyword, NONE, Section, block, byte, flag, word};
use crate::config::draft::{HasTracking, PeerDraft, TrackedDraft};
use crate::config::lower::tracking as lower;
use crate::config::text::Spanned;
use crate::config::value;

/// Options of a line of a `track_*` block.
pub(crate) static TRACKED: Section<TrackedDraft> = Section::options("what is tracked", &[WEIGHT]);

/// Options of a line of `unicast_peer`.
pub(crate) static PEER: Section<PeerDraft> = Section::options("a unicast peer", &[TTL]);

/// The `track_*` blocks.
pub(super) const fn tracked<T: HasTracking>() -> [Keyword<T>; 5] {
    [
        block("track_interface", NONE, lower::track_interface)
            .example("{\neth7 weight 7\n}")
            .many(),
        block("track_script", NONE, lower::track_script)
            .example("{\nS weight 7\n}")
            .many(),
        block("track_file", NONE, lower::track_file)
            .example("{\nF weight 7\n}")
            .many(),
        block("track_process", NONE, lower::track_process)
            .example("{\nP weight 7\n}")
            .many(),
        block("track_bfd", NONE, lower::track_bfd)
            .example("{\nD weight 7\n}")
            .many(),
    ]
}

const WEIGHT: &[Keyword<TrackedDraft>] = &[
    word("weight", "-253–253", |t: &mut TrackedDraft, w, span| {
        let value = value::weight(w)?;
        t.weight = Some(Spanned { value, span });
        Ok(())
    })
    .example("7")
    .default("that of what is tracked"),
    flag("reverse", |t: &mut TrackedDraft, v| t.reverse = v.value),
];

const TTL: &[Keyword<PeerDraft>] = &[
    byte("min_ttl", 0..=255, |p: &mut PeerDraft, v| {
        p.min_ttl = Some(v.value);
    })
    .since("2.1.0"),
    byte("max_ttl", 0..=255, |p: &mut PeerDraft, v| {
        p.max_ttl = Some(v.value);
    })
    .since("2.1.0"),
];
