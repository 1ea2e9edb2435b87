//! What became of what: which lines of the file a resolved value comes from, where the value itself
//! does not tell.
//!
//! [`super::resolve`] writes it, [`super::explain`] reads it. Blocks are named by titles: those with
//! a name of their own by that, servers by their places in the file.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::model::VirtualServerKey;
use super::text::{Span, Spanned};

/// Where the value of a field comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The line.
    pub(crate) span: Span,
    /// What stands there, when it is not the field's own keyword: the value follows from it.
    pub(crate) follows: Option<&'static str>,
}

/// The fields of a block whose value another keyword has decided, whatever their own says.
pub(crate) type Overruled = BTreeMap<&'static str, Origin>;

/// The lists of a block that are not as its lines have them, and the places of their values.
pub(crate) type Lists = BTreeMap<&'static str, Vec<Span>>;

/// What [`super::resolve`] notes on its way.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace {
    /// The virtual server and the real server that are resolved now, by their places in the file.
    service: usize,
    server: usize,
    /// The first virtual server of each key.
    services: HashMap<VirtualServerKey, usize>,
    /// The real servers of a virtual server that are left, in their order.
    servers: BTreeMap<usize, Vec<usize>>,
    /// The titles of checkers that check nothing.
    left_out: BTreeSet<String>,
    overruled: BTreeMap<String, Overruled>,
    /// The first VRRP instance of each name, by the place of that.
    instances: HashMap<String, Span>,
    /// The title of the block that is resolved now, if it is the first of its name.
    block: Option<String>,
    lists: BTreeMap<String, Lists>,
}

/// The title of a virtual server, by its place in the file.
pub(crate) fn service_title(service: usize) -> String {
    format!("virtual_server {service}")
}

/// The title of a real server, by its place and that of its virtual server.
pub(crate) fn server_title(service: usize, server: usize) -> String {
    format!("virtual_server {service} real_server {server}")
}

/// The title of a checker, by its place and those of its servers.
pub(crate) fn checker_title(service: usize, server: usize, checker: usize) -> String {
    format!("virtual_server {service} real_server {server} check {checker}")
}

impl Trace {
    /// A virtual server is resolved now.
    pub(crate) fn at_service(&mut self, service: usize) {
        self.service = service;
    }

    /// A real server of it is resolved now.
    pub(crate) fn at_server(&mut self, server: usize) {
        self.server = server;
    }

    /// The virtual server of now has this key.
    pub(crate) fn keeps_service(&mut self, key: &VirtualServerKey) {
        let service = self.service;
        self.services.entry(key.clone()).or_insert(service);
    }

    /// The real server of now is used.
    pub(crate) fn keeps_server(&mut self) {
        let servers = self.servers.entry(self.service).or_default();
        servers.push(self.server);
    }

    /// This checker of the real server of now checks nothing.
    pub(crate) fn leaves_out(&mut self, checker: usize) {
        let title = checker_title(self.service, self.server, checker);
        self.left_out.insert(title);
    }

    /// A VRRP instance is resolved now.
    pub(crate) fn at_instance(&mut self, name: &Spanned<String>) {
        let first = self.instances.entry(name.value.clone());
        let is_first = *first.or_insert(name.span) == name.span;
        self.at_block("vrrp_instance", name, is_first);
    }

    /// A block with this name is resolved now; nothing is noted of one that is not the first.
    pub(crate) fn at_block(&mut self, keyword: &str, name: &Spanned<String>, is_first: bool) {
        self.block = is_first.then(|| format!("{keyword} {}", name.value));
    }

    /// The block of now has this list, with values from these places.
    pub(crate) fn list(&mut self, field: &'static str, places: Vec<Span>) {
        if let Some(title) = self.block.clone().filter(|_| !places.is_empty()) {
            self.lists.entry(title).or_default().insert(field, places);
        }
    }

    /// Another keyword decides about a field of this VRRP instance; nothing is noted of one whose name
    /// an earlier one has.
    pub(crate) fn overrule_instance(
        &mut self,
        name: &Spanned<String>,
        field: &'static str,
        by: Origin,
    ) {
        if self.instances.get(&name.value) == Some(&name.span) {
            self.overrule(format!("vrrp_instance {}", name.value), field, by);
        }
    }

    /// Another keyword decides about a field of this block.
    pub(crate) fn overrule(&mut self, title: String, field: &'static str, by: Origin) {
        self.overruled.entry(title).or_default().insert(field, by);
    }

    /// The same of the virtual server of now.
    pub(crate) fn overrule_service(&mut self, field: &'static str, by: Origin) {
        self.overrule(service_title(self.service), field, by);
    }

    /// The place in the file of the virtual server with this key.
    pub(crate) fn service(&self, key: &VirtualServerKey) -> Option<usize> {
        self.services.get(key).copied()
    }

    /// The place in the file of a real server, by its place in the model.
    pub(crate) fn server(&self, service: usize, server: usize) -> Option<usize> {
        self.servers.get(&service)?.get(server).copied()
    }

    /// The lists of a block, by its title.
    pub(crate) fn lists(&self, title: &str) -> Option<&Lists> {
        self.lists.get(title)
    }

    /// Whether a checker checks nothing, by its title.
    pub(crate) fn is_left_out(&self, checker: &str) -> bool {
        self.left_out.contains(checker)
    }

    /// The fields of a block that other keywords decide about.
    pub(crate) fn overruled(&self, title: &str) -> Option<&Overruled> {
        self.overruled.get(title)
    }
}
