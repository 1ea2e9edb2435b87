//! From drafts to the model: defaults, inheritance, and the checks of values against each other
//! (what keepalived does after parsing).
//!
//! This is the only place with defaults. What cannot be used is left out here, each time with a
//! remark; what is compared over the whole configuration stands in [`super::validate`].

mod addresses;
mod authentication;
mod checker;
mod combination;
mod garp;
mod global;
mod groups;
mod http;
mod instance;
mod mail;
mod names;
mod planes;
mod scripts;
mod served;
mod server;
mod service;
mod statics;
mod track;
mod traps;
mod wish;

use std::collections::BTreeSet;

use self::names::Names;
use self::served::Seen;
use self::track::Weights;
use super::diagnostic::{Code, Diagnostic, Diagnostics};
use super::draft::{ConfigDraft, GlobalDraft, InstanceDraft, VirtualServerDraft};
use super::model::{Config, VirtualServer};
use super::text::Span;
use super::validate::{self, Checked};

/// The configuration that a draft stands for, and the titles of its checkers that check nothing.
pub(super) fn resolve(
    draft: ConfigDraft,
    diagnostics: &mut Diagnostics,
) -> (Config, BTreeSet<String>) {
    let mut resolver = Resolver {
        global: draft.global_defs,
        names: Names::default(),
        left_out: BTreeSet::new(),
        diagnostics,
    };
    let mut config = Config {
        environment: draft.environment,
        garp_groups: draft
            .garp_groups
            .into_iter()
            .map(|(_, group)| group)
            .collect(),
        vrrp_scripts: resolver.scripts(draft.vrrp_scripts),
        vrrp_track_processes: resolver.processes(draft.vrrp_track_processes),
        track_files: resolver.files(draft.track_files),
        bfd_instances: resolver.sessions(draft.bfd_instances),
        virtual_server_groups: resolver.server_groups(draft.virtual_server_groups),
        ..Config::default()
    };
    resolver.instances(&mut config, &draft.instances);
    config.vrrp_sync_groups = resolver.sync_groups(draft.vrrp_sync_groups, &Weights::of(&config));
    wish::wait_for_the_group(&mut config);
    config.track_groups = resolver.track_groups(draft.track_groups);
    config.static_ipaddress = resolver.static_addresses(&draft.static_ipaddress);
    config.static_routes = resolver.routes(draft.static_routes);
    config.static_rules = resolver.rules(draft.static_rules);
    resolver.services(&mut config, draft.virtual_servers);
    config.global_defs = resolver.global_defs(&draft.instances);
    (config, resolver.left_out)
}

/// What is at hand while drafts are resolved.
struct Resolver<'d> {
    global: GlobalDraft,
    names: Names,
    /// Checkers that check nothing.
    left_out: BTreeSet<String>,
    diagnostics: &'d mut Diagnostics,
}

impl Resolver<'_> {
    fn instances(&mut self, config: &mut Config, drafts: &[InstanceDraft]) {
        let weights = Weights::of(config);
        let instances = drafts.iter().filter_map(|draft| {
            let span = draft.name.span;
            self.instance(draft, &weights)
                .map(|value| Checked { value, span })
        });
        let instances = instances.collect();
        config.vrrp_instances = validate::instances(instances, self.diagnostics);
        for draft in drafts {
            let name = &draft.name;
            let is_used = config
                .vrrp_instances
                .iter()
                .any(|one| one.name == name.value);
            self.names.vrrp_instances.add(name, is_used);
        }
    }

    fn services(&mut self, config: &mut Config, drafts: Vec<VirtualServerDraft>) {
        let mut services: Vec<Checked<VirtualServer>> = Vec::with_capacity(drafts.len());
        let mut seen = Seen::default();
        for draft in drafts {
            let span = draft.span;
            let value = self.virtual_server(&draft);
            if let Some(server) = &value {
                self.planes(&draft, server, config);
                self.served(&mut seen, &draft, server, config);
            }
            services.extend(value.map(|value| Checked { value, span }));
        }
        config.virtual_servers = validate::services(services, self.diagnostics);
    }

    fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    fn error(&mut self, code: Code, span: Span, message: impl Into<String>) {
        self.report(Diagnostic::error(code, span, message));
    }

    fn warning(&mut self, code: Code, span: Span, message: impl Into<String>) {
        self.report(Diagnostic::warning(code, span, message));
    }
}

#[cfg(test)]
mod tests;
