//! Which line says what: kept only for who asks.

use std::collections::BTreeMap;

use crate::config::draft::{CheckerDraft, ConfigDraft, Given, Target, VirtualServerDraft};
use crate::config::text::Span;

/// The keywords of all blocks, by the blocks' titles.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins {
    global: Given,
    blocks: BTreeMap<String, (Span, Given)>,
}

/// A block and the one that hands down to it.
#[derive(Clone, Copy)]
pub(crate) struct Place<'o> {
    span: Option<Span>,
    own: Option<&'o Given>,
    outer: Option<&'o Given>,
    /// What hands down to `outer`.
    outermost: Option<&'o Given>,
}

impl Origins {
    /// Those of a draft.
    pub(crate) fn of(draft: &ConfigDraft) -> Self {
        let mut origins = Self {
            global: draft.global_defs.given.clone(),
            blocks: BTreeMap::new(),
        };
        for one in &draft.vrrp_scripts {
            origins.add(
                format!("vrrp_script {}", one.name.value),
                one.span,
                &one.given,
            );
        }
        for one in &draft.vrrp_track_processes {
            origins.add(
                format!("vrrp_track_process {}", one.name.value),
                one.span,
                &one.given,
            );
        }
        for one in &draft.track_files {
            origins.add(
                format!("track_file {}", one.name.value),
                one.span,
                &one.given,
            );
        }
        for one in &draft.bfd_instances {
            origins.add(
                format!("bfd_instance {}", one.name.value),
                one.span,
                &one.given,
            );
        }
        for one in &draft.vrrp_sync_groups {
            origins.add(
                format!("vrrp_sync_group {}", one.name.value),
                one.span,
                &one.given,
            );
        }
        for one in &draft.instances {
            origins.add(
                format!("vrrp_instance {}", one.name.value),
                one.name.span,
                &one.given,
            );
        }
        for service in &draft.virtual_servers {
            origins.service(service);
        }
        origins
    }

    fn service(&mut self, service: &VirtualServerDraft) {
        let title = match &service.target {
            Target::Address(address, port) => format!("virtual_server {address} {port}"),
            Target::Fwmark(mark) => format!("virtual_server fwmark {mark}"),
            Target::Group(name) => format!("virtual_server group {}", name.value),
        };
        for server in &service.real_servers {
            let port = server
                .port
                .map_or_else(|| service.port(), |port| port.value);
            let name = format!("{title} real_server {} {port}", server.address);
            for (index, checker) in server.checkers.iter().enumerate() {
                self.checker(format!("{name} checkers {index}"), checker);
            }
            for (index, checker) in server.later_checkers.iter().enumerate() {
                self.checker(format!("{name} later_checkers {index}"), checker.checker());
            }
            self.add(name, server.span, &server.given);
        }
        self.add(title, service.span, &service.given);
    }

    fn checker(&mut self, title: String, checker: &CheckerDraft) {
        self.add(title, checker.name.span, &checker.given);
    }

    /// Of several blocks of one title the first counts.
    fn add(&mut self, title: String, span: Span, given: &Given) {
        self.blocks
            .entry(title)
            .or_insert_with(|| (span, given.clone()));
    }

    /// `global_defs`
    pub(crate) fn global(&self) -> &Given {
        &self.global
    }

    /// A block by its title.
    pub(crate) fn block(&self, title: &str) -> Place<'_> {
        let found = self.blocks.get(title);
        Place {
            span: found.map(|(span, _)| *span),
            own: found.map(|(_, given)| given),
            outer: None,
            outermost: None,
        }
    }
}

impl<'o> Place<'o> {
    /// A block that has nothing around it.
    pub(crate) fn of(own: Option<&'o Given>) -> Self {
        Self {
            span: None,
            own,
            outer: None,
            outermost: None,
        }
    }

    /// The same within another block.
    pub(crate) fn within(self, outer: Option<&'o Given>) -> Self {
        Self { outer, ..self }
    }

    /// A block in this one.
    pub(crate) fn holds(self, inner: Self) -> Self {
        Self {
            outer: self.own,
            outermost: self.outer,
            ..inner
        }
    }

    /// Where the block stands.
    pub(crate) fn span(&self) -> Option<Span> {
        self.span
    }

    /// What the file says of it.
    pub(crate) fn given(&self) -> Option<&'o Given> {
        self.own
    }

    /// Where the value of a field comes from; `None`: it is the default.
    pub(crate) fn keyword(&self, field: &str) -> Option<Span> {
        let own = candidates(field);
        let names = own.clone();
        let outer = names
            .iter()
            .flat_map(|name| [name.clone(), format!("vrrp_{name}")]);
        let own = own.iter().find_map(|name| self.own?.span(name));
        let in_outer = |given: Option<&Given>| {
            let given = given?;
            outer.clone().find_map(|name| given.span(&name))
        };
        own.or_else(|| in_outer(self.outer))
            .or_else(|| in_outer(self.outermost))
    }
}

/// The keywords that may say a field: mostly its own name.
fn candidates(field: &str) -> Vec<String> {
    let others: &[&str] = match field {
        "source" => &["mcast_src_ip", "unicast_src_ip"],
        "nopreempt" => &["preempt"],
        "accept" => &["no_accept", "strict_mode"],
        "mcast_dst_ip" => &["mcast_group4"],
        "script" | "command" => &["script", "misc_path"],
        "user" | "group" => &["user", "script_user"],
        "persistence_granularity6" => &["persistence_granularity"],
        "flag_1" => &["flag-1"],
        "flag_2" => &["flag-2"],
        "flag_3" => &["flag-3"],
        _ => &[],
    };
    let mut names = vec![field.to_owned(), format!("garp_{field}")];
    names.extend(others.iter().map(|name| (*name).to_owned()));
    names
}
