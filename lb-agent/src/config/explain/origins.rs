//! Which line says what: kept only for who asks.

use std::collections::BTreeMap;

use super::place::{Block, Place};
use crate::config::draft::{CheckerDraft, ConfigDraft, Given, Named, Target, VirtualServerDraft};

/// The keywords of all blocks, by the blocks' titles.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins {
    top_level: Given,
    ssl: Given,
    global: Given,
    garp_groups: Vec<Given>,
    blocks: BTreeMap<String, (Block, Given)>,
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
                Block::new("vrrp_instance", one.name.span),
                &one.given,
            );
            if let Some(hmac) = &one.auth_hmac {
                let title = format!("vrrp_instance {} auth_hmac", one.name.value);
                let block = Block::new("auth_hmac", hmac.span);
                origins.add(title, block, &one.auth_hmac_given);
            }
        }
        for service in &draft.virtual_servers {
            origins.service(service);
        }
        origins
    }

    fn named<T>(&mut self, keyword: &'static str, blocks: &[Named<T>]) {
        for one in blocks {
            let title = format!("{keyword} {}", one.name.value);
            self.add(title, Block::new(keyword, one.span), &one.given);
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
            self.add(name, Block::new("real_server", server.span), &server.given);
        }
        let block = Block::new("virtual_server", service.span);
        self.add(title, block, &service.given);
    }

    fn checker(&mut self, title: String, checker: &CheckerDraft) {
        let block = Block::new(checker.name.value.keyword(), checker.name.span);
        self.add(title, block, &checker.given);
    }

    /// Of several blocks of one title the first counts.
    fn add(&mut self, title: String, block: Block, given: &Given) {
        self.blocks
            .entry(title)
            .or_insert_with(|| (block, given.clone()));
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

    /// The checkers of a real server, as they stand in the file.
    pub(crate) fn checks(&self, title: &str) -> impl Iterator<Item = Place<'_>> {
        let checks = (0..).map(move |index| self.block(&format!("{title} check {index}")));
        checks.take_while(|place| place.span().is_some())
    }

    /// A block by its title.
    pub(crate) fn block(&self, title: &str) -> Place<'_> {
        let found = self.blocks.get(title);
        found.map_or_else(Place::default, |(block, given)| Place::at(*block, given))
    }
}
