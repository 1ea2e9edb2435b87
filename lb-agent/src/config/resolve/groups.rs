//! `vrrp_sync_group`, `track_group`, `virtual_server_group`.

use std::collections::HashMap;

use super::Resolver;
use super::track::Weights;
use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::draft::{Named, SyncGroupDraft};
use crate::config::model::{
    Config, TrackGroup, Tracked, Tracking, VirtualServerGroup, VrrpSyncGroup,
};
use crate::config::text::{Span, Spanned};

impl Resolver<'_> {
    /// `vrrp_sync_group`
    pub(super) fn sync_groups(
        &mut self,
        drafts: Vec<Named<SyncGroupDraft>>,
        weights: &Weights,
    ) -> Vec<VrrpSyncGroup> {
        let mut members: HashMap<String, Span> = HashMap::new();
        let mut first: HashMap<String, Span> = HashMap::new();
        let mut groups: Vec<VrrpSyncGroup> = Vec::new();
        for draft in drafts {
            let is_first = !first.contains_key(&draft.name.value);
            self.trace
                .at_block("vrrp_sync_group", &draft.name, is_first);
            let group = self.members(&draft.value.group, Some(&mut members));
            let track = self.tracking(&draft.value.tracking, weights);
            if let Some(first) = first.get(&draft.name.value) {
                self.twice("vrrp_sync_group", &draft.name, *first);
                continue;
            }
            if group.is_empty() {
                let message = format!(
                    "vrrp_sync_group `{}` has no instance: it is left out",
                    draft.name.value
                );
                self.warning(Code::LeftOut, draft.name.span, message);
            } else {
                first.insert(draft.name.value.clone(), draft.name.span);
                if group.len() == 1 {
                    let message = format!(
                        "vrrp_sync_group `{}` has one instance only: there is nothing to keep in step",
                        draft.name.value
                    );
                    self.warning(Code::MissingSetting, draft.name.span, message);
                }
                groups.push(VrrpSyncGroup {
                    name: draft.name.value,
                    group,
                    notify: self.notify(&draft.value.notify),
                    track,
                    sync_group_tracking_weight: draft.value.sync_group_tracking_weight,
                });
            }
        }
        self.names.members = members;
        groups
    }

    /// `track_group`
    pub(super) fn track_groups(
        &mut self,
        drafts: Vec<Named<Vec<Spanned<String>>>>,
    ) -> Vec<TrackGroup> {
        let mut groups: Vec<TrackGroup> = Vec::new();
        for draft in drafts {
            if let Some(first) = self.names.track_groups.place(&draft.name.value) {
                self.twice("track_group", &draft.name, first);
                continue;
            }
            self.names.track_groups.add(&draft.name, true);
            self.trace.at_block("track_group", &draft.name, true);
            groups.push(TrackGroup {
                group: self.members(&draft.value, None),
                name: draft.name.value,
            });
        }
        groups
    }

    /// `virtual_server_group`
    pub(super) fn server_groups(
        &mut self,
        drafts: Vec<Named<VirtualServerGroup>>,
    ) -> Vec<VirtualServerGroup> {
        let mut groups = Vec::new();
        for draft in drafts {
            let names = &mut self.names.virtual_server_groups;
            if let Some(first) = names.place(&draft.name.value) {
                self.twice("virtual_server_group", &draft.name, first);
                continue;
            }
            names.add(&draft.name, !draft.value.entries.is_empty());
            if draft.value.entries.is_empty() {
                let message = format!(
                    "virtual_server_group `{}` is empty: it is left out",
                    draft.name.value
                );
                self.warning(Code::LeftOut, draft.name.span, message);
            } else {
                groups.push(draft.value);
            }
        }
        groups
    }

    /// Names of instances that are used; `taken` holds those of other groups.
    fn members(
        &mut self,
        names: &[Spanned<String>],
        mut taken: Option<&mut HashMap<String, Span>>,
    ) -> Vec<String> {
        let mut members: Vec<Spanned<String>> = Vec::with_capacity(names.len());
        for name in names {
            let consequence = "the group goes on without it";
            if !self.refers(
                |names| &names.vrrp_instances,
                "vrrp_instance",
                name,
                consequence,
            ) {
                continue;
            }
            if let Some(taken) = &mut taken
                && let Some(first) = taken.insert(name.value.clone(), name.span)
            {
                let message = format!(
                    "vrrp_instance `{}` is a member twice: the second time is ignored",
                    name.value
                );
                let twice = Diagnostic::error(Code::Duplicate, name.span, message);
                self.report(twice.related(first, "the first time"));
                continue;
            }
            members.push(name.clone());
        }
        self.listed("group", members)
    }

    /// Weights of members do not count: priorities that move one by one would tear the group apart.
    /// keepalived says nothing of those of processes.
    pub(super) fn group_weights(&mut self, config: &Config) {
        for group in &config.vrrp_sync_groups {
            let counts = group.sync_group_tracking_weight;
            let instances = config.vrrp_instances.iter().filter(|_| !counts);
            let members = instances.filter(|one| group.group.contains(&one.name));
            for instance in members {
                let Some((code, what, here)) = ignored_weights(&instance.track) else {
                    continue;
                };
                let message = format!(
                    "the weights of {what} vrrp_instance `{}` tracks do not count{here}: it is a \
                     member of vrrp_sync_group `{}`",
                    instance.name, group.name
                );
                if let Some(span) = self.names.vrrp_instances.place(&instance.name) {
                    let ignored = Diagnostic::warning(code, span, message);
                    self.report(ignored.help(
                        "`sync_group_tracking_weight` in the group lets them count; or track in the \
                         group itself",
                    ));
                }
            }
        }
    }

    fn twice(&mut self, keyword: &str, name: &Spanned<String>, first: Span) {
        let message = format!(
            "{keyword} `{}` is defined twice: this one is left out",
            name.value
        );
        let twice = Diagnostic::error(Code::Duplicate, name.span, message);
        self.report(twice.related(first, "the first one"));
    }
}

/// What is tracked with a weight, if anything, and how it is said that this does not count.
fn ignored_weights(track: &Tracking) -> Option<(Code, &'static str, &'static str)> {
    let Tracking {
        track_interface,
        track_script,
        track_file,
        track_process,
        track_bfd,
    } = track;
    let has_weight = |list: &Vec<Tracked>| list.iter().any(|one| one.weight.weight != 0);
    if [track_interface, track_script, track_file, track_bfd]
        .into_iter()
        .any(has_weight)
    {
        return Some((Code::Adjusted, "what", ""));
    }
    has_weight(track_process).then_some((Code::Surprising, "the processes that", " here"))
}
