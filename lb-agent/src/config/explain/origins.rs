//! Which line says what: kept only for who asks.

use std::collections::BTreeMap;

use crate::config::draft::{CheckerDraft, ConfigDraft, Given, Named, Target, VirtualServerDraft};
use crate::config::text::Span;

/// The keywords of all blocks, by the blocks' titles.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins {
    top_level: Given,
    ssl: Given,
    global: Given,
    garp_groups: Vec<Given>,
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
            top_level: draft.given.clone(),
            ssl: draft.ssl.clone(),
            global: draft.global_defs.given.clone(),
            garp_groups: draft
                .garp_groups
                .iter()
                .map(|(given, _)| given.clone())
                .collect(),
            blocks: BTreeMap::new(),
        };
        origins.named("vrrp_script", &draft.vrrp_scripts);
        origins.named("vrrp_track_process", &draft.vrrp_track_processes);
        origins.named("track_file", &draft.track_files);
        origins.named("bfd_instance", &draft.bfd_instances);
        origins.named("vrrp_sync_group", &draft.vrrp_sync_groups);
        origins.named("track_group", &draft.track_groups);
        origins.named("virtual_server_group", &draft.virtual_server_groups);
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

    fn named<T>(&mut self, keyword: &str, blocks: &[Named<T>]) {
        for one in blocks {
            let title = format!("{keyword} {}", one.name.value);
            self.add(title, one.span, &one.given);
        }
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
                self.checker(format!("{name} check {index}"), checker.checker());
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

    /// The top level.
    pub(crate) fn top_level(&self) -> &Given {
        &self.top_level
    }

    /// `SSL`
    pub(crate) fn ssl(&self) -> &Given {
        &self.ssl
    }

    /// `garp_group`, by its place among them.
    pub(crate) fn garp_group(&self, index: usize) -> Option<&Given> {
        self.garp_groups.get(index)
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
