//! `vrrp_script`, `vrrp_track_process`, `track_file`, `bfd_instance`.

use super::Resolver;
use super::names::{Kind, Names};
use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::draft::{Named, TrackFileDraft};
use crate::config::model::{BfdInstance, TrackFile, VrrpScript, VrrpTrackProcess, Weight};

/// The longest name of a `bfd_instance`, as in keepalived.
const MAX_BFD_NAME: usize = 31;

/// A keyword, and the names of its blocks.
type What = (&'static str, fn(&mut Names) -> &mut Kind);

impl Resolver<'_> {
    /// `vrrp_script`
    pub(super) fn scripts(&mut self, drafts: Vec<Named<VrrpScript>>) -> Vec<VrrpScript> {
        let what: What = ("vrrp_script", |names| &mut names.vrrp_scripts);
        self.named(drafts, what, |resolver, draft| {
            let mut script = draft.value;
            if script.script.command.is_empty() {
                return resolver.without("vrrp_script", "script", &draft.name);
            }
            if draft.given.span("timeout").is_none() || script.timeout.is_zero() {
                script.timeout = script.interval;
            }
            Some(script)
        })
    }

    /// `vrrp_track_process`
    pub(super) fn processes(
        &mut self,
        drafts: Vec<Named<VrrpTrackProcess>>,
    ) -> Vec<VrrpTrackProcess> {
        let what: What = ("vrrp_track_process", |names| {
            &mut names.vrrp_track_processes
        });
        self.named(drafts, what, |resolver, draft| {
            let mut process = draft.value;
            if process.process.is_empty() {
                return resolver.without("vrrp_track_process", "process", &draft.name);
            }
            if draft.given.span("terminate_delay").is_none() {
                process.terminate_delay = process.delay;
            }
            if draft.given.span("fork_delay").is_none() {
                process.fork_delay = process.delay;
            }
            if process.quorum_max.is_some_and(|most| most < process.quorum) {
                let span = draft.given.span("quorum_max").unwrap_or(draft.span);
                let message = "`quorum_max` is less than `quorum`: it is ignored";
                // Of 0 keepalived says nothing.
                let code = match process.quorum_max {
                    Some(0) => Code::Surprising,
                    Some(_) | None => Code::Adjusted,
                };
                resolver.warning(code, span, message);
                process.quorum_max = None;
            }
            Some(process)
        })
    }

    /// `track_file`
    pub(super) fn files(&mut self, drafts: Vec<Named<TrackFileDraft>>) -> Vec<TrackFile> {
        let what: What = ("track_file", |names| &mut names.track_files);
        self.named(drafts, what, |resolver, draft| {
            let Some(file) = draft.value.file else {
                return resolver.without("track_file", "file", &draft.name);
            };
            let default = Weight {
                weight: 1,
                reverse: false,
            };
            Some(TrackFile {
                name: draft.name.value,
                file: file.value,
                weight: draft.value.weight.unwrap_or(default),
                init_file: draft.value.init_file,
            })
        })
    }

    /// `bfd_instance`
    pub(super) fn sessions(&mut self, drafts: Vec<Named<BfdInstance>>) -> Vec<BfdInstance> {
        let what: What = ("bfd_instance", |names| &mut names.bfd_instances);
        self.named(drafts, what, Self::session)
    }

    fn session(&mut self, draft: Named<BfdInstance>) -> Option<BfdInstance> {
        let Named {
            name,
            given,
            value: mut session,
            ..
        } = draft;
        if given.span("neighbor_ip").is_none() {
            return self.without("bfd_instance", "neighbor_ip", &name);
        }
        if name.value.len() > MAX_BFD_NAME {
            let message = format!(
                "the name of a bfd_instance has at most {MAX_BFD_NAME} characters: it is left out"
            );
            self.error(Code::BadValue, name.span, message);
            return None;
        }
        let other = session
            .source_ip
            .filter(|source| source.is_ipv4() != session.neighbor_ip.is_ipv4());
        if other.is_some() {
            let span = given.span("source_ip").unwrap_or(name.span);
            let message = "`source_ip` is of another family than `neighbor_ip`: it is ignored";
            self.error(Code::WrongFamily, span, message);
            session.source_ip = None;
        }
        if session.multihop && given.span("ttl").is_none() {
            session.ttl = 64;
        }
        // Who names neither means both, as in keepalived.
        if !session.vrrp && !session.checker {
            (session.vrrp, session.checker) = (true, true);
        }
        Some(session)
    }

    /// Resolves blocks with names; of several with one name the first counts.
    fn named<D, T>(
        &mut self,
        drafts: Vec<Named<D>>,
        (keyword, kind): What,
        resolve: impl Fn(&mut Self, Named<D>) -> Option<T>,
    ) -> Vec<T> {
        let mut resolved = Vec::with_capacity(drafts.len());
        for draft in drafts {
            let name = draft.name.clone();
            if let Some(first) = kind(&mut self.names).place(&name.value) {
                let message = format!(
                    "{keyword} `{}` is defined twice: this one is left out",
                    name.value
                );
                let twice = Diagnostic::error(Code::Duplicate, name.span, message);
                self.report(twice.related(first, "the first one"));
                continue;
            }
            let value = resolve(self, draft);
            kind(&mut self.names).add(&name, value.is_some());
            resolved.extend(value);
        }
        resolved
    }

    /// A block that cannot be used.
    fn without<T>(
        &mut self,
        keyword: &str,
        setting: &str,
        name: &crate::config::text::Spanned<String>,
    ) -> Option<T> {
        let message = format!(
            "{keyword} `{}` has no `{setting}`: it is left out",
            name.value
        );
        self.error(Code::MissingSetting, name.span, message);
        None
    }
}
