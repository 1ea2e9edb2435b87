//! `track_*`: names become what they stand for.

use std::collections::HashSet;

use super::Resolver;
use super::names::{Kind, Names};
use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::draft::{NotifyDraft, TrackedDraft, TrackingDraft};
use crate::config::model::{Config, Notify, Tracked, Tracking, Weight};
use crate::config::text::Spanned;

const NOT_TRACKED: &str = "it is not tracked";

impl Resolver<'_> {
    /// What a block tracks; `defined` holds what can be tracked.
    pub(super) fn tracking(&mut self, draft: &TrackingDraft, defined: &Weights) -> Tracking {
        let interfaces = self.unique(&draft.track_interface, |_| Weight::default());
        Tracking {
            track_interface: self.listed("track_interface", interfaces),
            track_script: self.known(
                ("track_script", &draft.track_script),
                ("vrrp_script", |names| &names.vrrp_scripts),
                &defined.vrrp_scripts,
            ),
            track_file: self.known(
                ("track_file", &draft.track_file),
                ("track_file", |names| &names.track_files),
                &defined.track_files,
            ),
            track_process: self.known(
                ("track_process", &draft.track_process),
                ("vrrp_track_process", |names| &names.vrrp_track_processes),
                &defined.vrrp_track_processes,
            ),
            track_bfd: self.known(
                ("track_bfd", &draft.track_bfd),
                ("bfd_instance", |names| &names.bfd_instances),
                &defined.bfd_instances,
            ),
        }
    }

    fn known(
        &mut self,
        (field, drafts): (&'static str, &[TrackedDraft]),
        (keyword, kind): (&str, fn(&Names) -> &Kind),
        weights: &[(String, Weight)],
    ) -> Vec<Tracked> {
        let mut tracked = self.unique(drafts, |name| {
            let found = weights.iter().find(|(known, _)| known == name);
            found.map_or_else(Weight::default, |(_, weight)| *weight)
        });
        for draft in drafts {
            if !self.refers(kind, keyword, &draft.name, NOT_TRACKED) {
                tracked.retain(|one| one.value.name != draft.name.value);
            }
        }
        self.listed(field, tracked)
    }

    /// The lines of one block, the first of each name.
    fn unique(
        &mut self,
        drafts: &[TrackedDraft],
        default: impl Fn(&str) -> Weight,
    ) -> Vec<Spanned<Tracked>> {
        let mut seen = HashSet::new();
        let mut tracked = Vec::with_capacity(drafts.len());
        for draft in drafts {
            let name = &draft.name;
            if !seen.insert(name.value.as_str()) {
                let message = format!("`{}` is tracked twice: the first line counts", name.value);
                self.report(Diagnostic::warning(Code::Duplicate, name.span, message));
                continue;
            }
            let outer = default(&name.value);
            let value = Tracked {
                name: name.value.clone(),
                weight: Weight {
                    weight: draft.weight.map_or(outer.weight, |given| given.value),
                    // `weight N` without `reverse` is a whole setting of its own.
                    reverse: draft.reverse || (draft.weight.is_none() && outer.reverse),
                },
            };
            let span = name.span;
            tracked.push(Spanned { value, span });
        }
        tracked
    }

    /// Whom a block tells.
    pub(super) fn notify(&self, draft: &NotifyDraft) -> Notify {
        let global = &self.global;
        let changes = draft
            .notify_priority_changes
            .or(global.vrrp_notify_priority_changes);
        let mail = &global.value.mail;
        let alert = draft.smtp_alert.map(|given| given.value);
        Notify {
            notify_priority_changes: changes.is_some_and(|given| given.value),
            smtp_alert: alert
                .or(mail.smtp_alert_vrrp)
                .or(mail.smtp_alert)
                .unwrap_or(false),
            ..draft.value.clone()
        }
    }
}

/// The weights of what can be tracked, by name.
#[derive(Debug, Default)]
pub(super) struct Weights {
    vrrp_scripts: Vec<(String, Weight)>,
    vrrp_track_processes: Vec<(String, Weight)>,
    track_files: Vec<(String, Weight)>,
    bfd_instances: Vec<(String, Weight)>,
}

impl Weights {
    /// Those of a configuration.
    pub(super) fn of(config: &Config) -> Self {
        let scripts = config.vrrp_scripts.iter();
        let processes = config.vrrp_track_processes.iter();
        let files = config.track_files.iter();
        let sessions = config.bfd_instances.iter();
        Self {
            vrrp_scripts: scripts.map(|one| (one.name.clone(), one.weight)).collect(),
            vrrp_track_processes: processes
                .map(|one| (one.name.clone(), one.weight))
                .collect(),
            track_files: files.map(|one| (one.name.clone(), one.weight)).collect(),
            bfd_instances: sessions.map(|one| (one.name.clone(), one.weight)).collect(),
        }
    }
}
