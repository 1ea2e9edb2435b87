//! Which line says what: kept only for who asks.

use std::collections::{BTreeMap, BTreeSet};

use super::place::{Block, Place};
use crate::config::draft::{CheckerDraft, ConfigDraft, Given, Named, VirtualServerDraft};

/// The keywords of all blocks, by the blocks' titles.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins {
    top_level: Given,
    ssl: Given,
    global: Given,
    garp_groups: Vec<Given>,
    blocks: BTreeMap<String, (Block, Given)>,
    /// The titles of checkers that check nothing.
    left_out: BTreeSet<String>,
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
            left_out: BTreeSet::new(),
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

    /// The same without checkers that the configuration does not have, by their titles.
    pub(crate) fn without(self, left_out: BTreeSet<String>) -> Self {
        Self { left_out, ..self }
    }

    fn named<T>(&mut self, keyword: &'static str, blocks: &[Named<T>]) {
        for one in blocks {
            let title = format!("{keyword} {}", one.name.value);
            self.add(title, Block::new(keyword, one.span), &one.given);
        }
    }

    fn service(&mut self, service: &VirtualServerDraft) {
        for server in &service.real_servers {
            let name = service.title_of(server);
            for (index, checker) in server.checkers.iter().enumerate() {
                self.checker(format!("{name} check {index}"), checker.checker());
            }
            self.add(name, Block::new("real_server", server.span), &server.given);
        }
        let block = Block::new("virtual_server", service.span);
        self.add(service.title(), block, &service.given);
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

    /// The checkers of a real server that are left, in the order of the file.
    pub(crate) fn checks(&self, title: &str) -> impl Iterator<Item = Place<'_>> {
        let titles = (0..).map(move |index| format!("{title} check {index}"));
        let written = titles.map(move |title| (self.block(&title), self.left_out.contains(&title)));
        let written = written.take_while(|(place, _)| place.span().is_some());
        let left = written.filter(|(_, is_left_out)| !is_left_out);
        left.map(|(place, _)| place)
    }

    /// A block by its title.
    pub(crate) fn block(&self, title: &str) -> Place<'_> {
        let found = self.blocks.get(title);
        found.map_or_else(Place::default, |(block, given)| Place::at(*block, given))
    }
}
