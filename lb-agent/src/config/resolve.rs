//! From drafts to the model: defaults, inheritance, and the checks of values against each other
//! (what keepalived does after parsing).
//!
//! This is the only place with defaults. What cannot be used is left out here, each time with a
//! remark; what is compared over the whole configuration stands in [`super::validate`].

mod addresses;
mod authentication;
mod garp;
mod instance;
mod server;
mod service;

use std::collections::HashSet;

use super::diagnostic::{Code, Diagnostic, Diagnostics};
use super::draft::{ConfigDraft, GlobalDraft};
use super::model::{Config, GlobalDefs};
use super::text::Span;
use super::validate::{Checked, validate};

/// The configuration that a draft stands for.
pub(super) fn resolve(draft: ConfigDraft, diagnostics: &mut Diagnostics) -> Config {
    let ConfigDraft {
        global_defs,
        instances,
        virtual_servers,
    } = draft;
    let mut resolver = Resolver {
        global: global_defs,
        diagnostics,
    };
    let instances = instances
        .into_iter()
        .filter_map(|draft| {
            let span = draft.name.as_ref().map(|name| name.span)?;
            resolver
                .instance(&draft)
                .map(|value| Checked { value, span })
        })
        .collect();
    let services = virtual_servers
        .iter()
        .filter_map(|draft| {
            resolver.virtual_server(draft).map(|value| Checked {
                value,
                span: draft.span,
            })
        })
        .collect();
    let Resolver {
        global,
        diagnostics,
    } = resolver;
    let (vrrp_instances, virtual_servers) = validate(instances, services, diagnostics);
    Config {
        global_defs: global_defs_of(global),
        vrrp_instances,
        virtual_servers,
    }
}

fn global_defs_of(draft: GlobalDraft) -> GlobalDefs {
    let default = GlobalDefs::default();
    GlobalDefs {
        router_id: draft.router_id.map(|given| given.value),
        vrrp_mcast_group4: draft
            .vrrp_mcast_group4
            .map_or(default.vrrp_mcast_group4, |given| given.value),
        xdp_attach: draft
            .xdp_attach
            .map_or(default.xdp_attach, |given| given.value),
        xdp_mode: draft.xdp_mode.map_or(default.xdp_mode, |given| given.value),
        xdp_interfaces: draft
            .xdp_interfaces
            .map_or(default.xdp_interfaces, |given| {
                let mut seen = HashSet::new();
                given
                    .value
                    .into_iter()
                    .filter(|name| seen.insert(name.clone()))
                    .collect()
            }),
        xdp_deadman: draft
            .xdp_deadman
            .map_or(default.xdp_deadman, |given| given.value),
    }
}

/// What is at hand while drafts are resolved.
struct Resolver<'d> {
    global: GlobalDraft,
    diagnostics: &'d mut Diagnostics,
}

impl Resolver<'_> {
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
