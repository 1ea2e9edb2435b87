//! From drafts to the model: defaults, inheritance, and the checks of values against each other
//! (what keepalived does after parsing). What a value does not tell of its origin is noted in
//! [`super::trace`].
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
mod strict;
mod track;
mod traps;
mod wish;

use self::names::Names;
use self::served::Seen;
use self::track::Weights;
use super::diagnostic::{Code, Diagnostic, Diagnostics};
use super::draft::{ConfigDraft, GlobalDraft, InstanceDraft, VirtualServerDraft};
use super::model::{Config, VirtualServer};
use super::text::{Span, Spanned};
use super::trace::Trace;
use super::validate::{self, Checked};

/// The configuration that a draft stands for, and what became of what.
pub(super) fn resolve(draft: ConfigDraft, diagnostics: &mut Diagnostics) -> (Config, Trace) {
    let mut resolver = Resolver {
        global: draft.global_defs,
        names: Names::default(),
        trace: Trace::default(),
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
    resolver.wait_for_the_group(&mut config);
    resolver.group_weights(&config);
    config.track_groups = resolver.track_groups(draft.track_groups);
    config.static_ipaddress = resolver.static_addresses(&draft.static_ipaddress);
    config.static_routes = resolver.routes(draft.static_routes);
    config.static_rules = resolver.rules(draft.static_rules);
    resolver.services(&mut config, draft.virtual_servers);
    config.global_defs = resolver.global_defs(&draft.instances);
    (config, resolver.trace)
}

/// What is at hand while drafts are resolved.
struct Resolver<'d> {
    global: GlobalDraft,
    names: Names,
    trace: Trace,
    diagnostics: &'d mut Diagnostics,
}

impl Resolver<'_> {
    fn instances(&mut self, config: &mut Config, drafts: &[InstanceDraft]) {
        let weights = Weights::of(config);
        let instances = drafts.iter().filter_map(|draft| {
            let span = draft.name.span;
            self.trace.at_instance(&draft.name);
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
        for (place, draft) in drafts.into_iter().enumerate() {
            let span = draft.span;
            self.trace.at_service(place);
            let value = self.virtual_server(&draft);
            if let Some(server) = &value {
                self.trace.keeps_service(&server.key);
                self.planes(&draft, server, config);
                self.served(&mut seen, &draft, server, config);
            }
            services.extend(value.map(|value| Checked { value, span }));
        }
        config.virtual_servers = validate::services(services, self.diagnostics);
    }

    /// A list of the block of now, without the places of its values, which are noted.
    fn listed<T>(&mut self, field: &'static str, values: Vec<Spanned<T>>) -> Vec<T> {
        let places = values.iter().map(|it| it.span).collect();
        self.trace.list(field, places);
        values.into_iter().map(|it| it.value).collect()
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
