//! Which line says what: kept only for who asks.

use std::collections::BTreeMap;

use super::place::{Block, Place};
use crate::config::draft::{CheckerDraft, ConfigDraft, Given, Named, VirtualServerDraft};
use crate::config::model::VirtualServerKey;
use crate::config::trace::{Trace, checker_title, server_title, service_title};

/// The keywords of all blocks, by the blocks' titles.
#[derive(Clone, Debug, Default)]
pub(crate) struct Origins {
    top_level: Given,
    ssl: Given,
    global: Given,
    garp_groups: Vec<Given>,
    blocks: BTreeMap<String, (Block, Given)>,
    trace: Trace,
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
            trace: Trace::default(),
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
        for (place, service) in draft.virtual_servers.iter().enumerate() {
            origins.service_at(place, service);
        }
        origins
    }

    /// The same with what became of the draft.
    pub(crate) fn with(self, trace: Trace) -> Self {
        Self { trace, ..self }
    }

    fn named<T>(&mut self, keyword: &'static str, blocks: &[Named<T>]) {
        for one in blocks {
            let title = format!("{keyword} {}", one.name.value);
            self.add(title, Block::new(keyword, one.span), &one.given);
        }
    }

    /// Servers go by their places in the file: several may have one address and port.
    fn service_at(&mut self, place: usize, service: &VirtualServerDraft) {
        for (number, server) in service.real_servers.iter().enumerate() {
            for (index, checker) in server.checkers.iter().enumerate() {
                let title = checker_title(place, number, index);
                self.checker(title, checker.checker());
            }
            let block = Block::new("real_server", server.span);
            self.add(server_title(place, number), block, &server.given);
        }
        let block = Block::new("virtual_server", service.span);
        self.add(service_title(place), block, &service.given);
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

    /// A virtual server's place in the file.
    pub(crate) fn service(&self, key: &VirtualServerKey) -> Option<usize> {
        self.trace.service(key)
    }

    /// The place in the file of one of its real servers, by its place in the configuration.
    pub(crate) fn server(&self, service: usize, server: usize) -> Option<usize> {
        self.trace.server(service, server)
    }

    /// The checkers of a real server that are left, in the order of the file.
    pub(crate) fn checks(&self, service: usize, server: usize) -> impl Iterator<Item = Place<'_>> {
        let titles = (0..).map(move |index| checker_title(service, server, index));
        let written = titles.map(move |title| (self.block(&title), self.trace.is_left_out(&title)));
        let written = written.take_while(|(place, _)| place.span().is_some());
        let left = written.filter(|(_, is_left_out)| !is_left_out);
        left.map(|(place, _)| place)
    }

    /// A block by its title.
    pub(crate) fn block(&self, title: &str) -> Place<'_> {
        let found = self.blocks.get(title);
        let place = found.map_or_else(Place::default, |(block, given)| Place::at(*block, given));
        place
            .overruled(self.trace.overruled(title))
            .with_lists(self.trace.lists(title))
    }
}
