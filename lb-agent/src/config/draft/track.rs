//! What instances and sync groups share: what they track and whom they tell.

use std::path::PathBuf;

use crate::config::model::{InitFile, Notify, Weight};
use crate::config::text::Spanned;

/// A line of a `track_*` block.
#[derive(Debug)]
pub(crate) struct TrackedDraft {
    pub(crate) name: Spanned<String>,
    pub(crate) weight: Option<Spanned<i16>>,
    pub(crate) reverse: bool,
}

impl TrackedDraft {
    /// One without options.
    pub(crate) fn new(name: Spanned<String>) -> Self {
        Self {
            name,
            weight: None,
            reverse: false,
        }
    }
}

/// The `track_*` blocks.
#[derive(Debug, Default)]
#[expect(clippy::struct_field_names, reason = "named as the keywords")]
pub(crate) struct TrackingDraft {
    pub(crate) track_interface: Vec<TrackedDraft>,
    pub(crate) track_script: Vec<TrackedDraft>,
    pub(crate) track_file: Vec<TrackedDraft>,
    pub(crate) track_process: Vec<TrackedDraft>,
    pub(crate) track_bfd: Vec<TrackedDraft>,
}

/// The two blocks with a [`TrackingDraft`].
pub(crate) trait HasTracking {
    /// What it tracks.
    fn tracking(&mut self) -> &mut TrackingDraft;
}

/// `notify_*`, `smtp_alert`.
#[derive(Debug, Default)]
pub(crate) struct NotifyDraft {
    /// What is not handed down.
    pub(crate) value: Notify,
    pub(crate) notify_priority_changes: Option<Spanned<bool>>,
    pub(crate) smtp_alert: Option<Spanned<bool>>,
}

/// The two blocks with a [`NotifyDraft`].
pub(crate) trait HasNotify {
    /// Whom it tells.
    fn notify(&mut self) -> &mut NotifyDraft;
}

/// `track_file NAME`.
#[derive(Debug, Default)]
pub(crate) struct TrackFileDraft {
    pub(crate) file: Option<Spanned<PathBuf>>,
    pub(crate) weight: Option<Weight>,
    pub(crate) init_file: Option<InitFile>,
}

/// Options of a line of `unicast_peer`.
#[derive(Debug, Default)]
pub(crate) struct PeerDraft {
    pub(crate) min_ttl: Option<u8>,
    pub(crate) max_ttl: Option<u8>,
}
