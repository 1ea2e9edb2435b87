//! The resolved configuration in normal form, each value with where it comes from.
//!
//! The values are those of the model; the places are those of the lines that say them, looked up
//! by keyword in the block itself, then in the block that hands its settings down; where another
//! keyword has the last word, [`super::resolve`] has noted it. The blocks are the model's: the page
//! is for people and tools, it is no file to be read again.

mod origins;
mod page;
mod place;
mod plane;
mod words;

use serde_json::Value;

pub(crate) use self::origins::Origins;
use self::page::Page;
use self::place::Place;
pub(crate) use self::plane::schedules;
use self::plane::{carrier, gates, schedule};
use self::words::word;

use super::Loaded;
use super::model::{AddressKey, Family, GroupKey, VirtualServerKey};
use super::trace::{server_title, service_title};

/// The whole configuration as text; empty when it was not loaded with [`super::load_explained`].
#[must_use]
pub fn explain(loaded: &Loaded) -> String {
    let Some(origins) = &loaded.origins else {
        return String::new();
    };
    // A model of plain values has nothing that cannot be serialised.
    let config = serde_json::to_value(&loaded.config).unwrap_or_default();
    let mut page = Page {
        text: String::new(),
        loaded,
    };
    page.environment(&config, origins);
    let global = Place::of(origins.global());
    if let Some(fields) = config.get("global_defs") {
        page.block("global_defs", fields, &global, 0);
    }
    page.named(&config, "vrrp_scripts", "vrrp_script", origins);
    page.named(
        &config,
        "vrrp_track_processes",
        "vrrp_track_process",
        origins,
    );
    page.named(&config, "track_files", "track_file", origins);
    page.named(&config, "bfd_instances", "bfd_instance", origins);
    page.lists(
        &config,
        &["static_ipaddress", "static_routes", "static_rules"],
        origins,
    );
    page.garp_groups(&config, origins);
    page.named(&config, "vrrp_instances", "vrrp_instance", origins);
    page.named(&config, "vrrp_sync_groups", "vrrp_sync_group", origins);
    page.named(&config, "track_groups", "track_group", origins);
    page.server_groups(origins);
    page.services(&config, origins);
    page.text
}

impl Page<'_> {
    fn named(&mut self, config: &Value, list: &str, keyword: &str, origins: &Origins) {
        for fields in items(config, list) {
            let name = fields
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let place = origins.block(&format!("{keyword} {name}"));
            let place = place.within(&Place::of(origins.global()));
            let place = place.around(&origins.block(&format!("{keyword} {name} auth_hmac")));
            self.block(&format!("{keyword} {name}"), fields, &place, 0);
        }
    }

    /// What stands at the top level and is no block, and `SSL`.
    fn environment(&mut self, config: &Value, origins: &Origins) {
        let place = Place::of(origins.top_level());
        let fields = config.get("environment").and_then(Value::as_object);
        for (name, value) in fields.into_iter().flatten() {
            match name.as_str() {
                "ssl" if value.is_null() => {}
                "ssl" => {
                    self.open("SSL", place.keyword("SSL"), 0);
                    self.fields(value, &Place::of(origins.ssl()), 1, &[]);
                    self.close(0);
                }
                "linkbeat" => self.fields(value, &place, 0, &[]),
                name => self.field(name, value, &place, 0),
            }
        }
    }

    /// Blocks whose lines are a list, each written as one.
    fn lists(&mut self, config: &Value, names: &[&str], origins: &Origins) {
        let place = Place::of(origins.top_level());
        for name in names {
            if let Some(list) = config.get(name) {
                self.field(name, list, &place, 0);
            }
        }
    }

    fn garp_groups(&mut self, config: &Value, origins: &Origins) {
        let outer = Place::of(origins.top_level());
        for (index, fields) in items(config, "garp_groups").iter().enumerate() {
            self.open("garp_group", outer.keyword("garp_group"), 0);
            let place = origins.garp_group(index);
            let place = place.map_or_else(Place::default, Place::of);
            self.fields(fields, &place, 1, &[]);
            self.close(0);
        }
    }

    fn server_groups(&mut self, origins: &Origins) {
        for group in &self.loaded.config.virtual_server_groups {
            let title = format!("virtual_server_group {}", group.name);
            let place = origins.block(&title);
            self.open(&title, place.span(), 0);
            let lines = place.lines("virtual_server_group", group.entries.len());
            for (entry, line) in group.entries.iter().zip(lines) {
                self.item(&entry.to_string(), line, 1);
            }
            self.close(0);
        }
    }

    fn services(&mut self, config: &Value, origins: &Origins) {
        let global = Place::of(origins.global());
        let services = self.loaded.config.virtual_servers.iter().enumerate();
        for ((index, service), fields) in services.zip(items(config, "virtual_servers")) {
            let in_file = origins.service(&service.key);
            let place = in_file.map(|number| origins.block(&service_title(number)));
            let outer = place.unwrap_or_default().within(&global);
            self.open(&title_of(fields, "virtual_server"), outer.span(), 0);
            self.key(&service.key, &outer);
            self.fields(fields, &outer, 1, &["key", "real_servers"]);
            for (number, server) in items(fields, "real_servers").iter().enumerate() {
                let numbers = in_file.and_then(|service| {
                    let server = origins.server(service, number)?;
                    Some((service, server))
                });
                self.server(server, numbers, &outer, origins);
            }
            self.close(0);
            self.plane(index);
        }
    }

    /// What a virtual server's first line does not say of its key.
    fn key(&mut self, key: &VirtualServerKey, place: &Place<'_>) {
        match key {
            VirtualServerKey::Address(AddressKey { protocol, .. })
            | VirtualServerKey::Group(GroupKey { protocol, .. }) => {
                let protocol = protocol.name().to_uppercase();
                self.field("protocol", &Value::from(protocol), place, 1);
            }
            VirtualServerKey::Fwmark(key) => {
                let family = match key.ip_family {
                    Family::Inet => "inet",
                    Family::Inet6 => "inet6",
                };
                self.field("ip_family", &Value::from(family), place, 1);
            }
        }
    }

    /// A real server; `numbers` are its virtual server's and its own place in the file.
    fn server(
        &mut self,
        server: &Value,
        numbers: Option<(usize, usize)>,
        outer: &Place<'_>,
        origins: &Origins,
    ) {
        let checks = numbers.map_or_else(
            || checks(server, std::iter::empty()),
            |(service, number)| checks(server, origins.checks(service, number)),
        );
        let place = numbers.map(|(service, number)| origins.block(&server_title(service, number)));
        let mut place = place.unwrap_or_default().within(outer);
        // The one that makes the server's `alpha` what it is.
        let alpha = server.get("alpha");
        let deciding = checks.iter().find(|(it, _)| it.get("alpha") == alpha);
        if let Some((_, check)) = deciding {
            place = place.around(check);
        }
        self.open(&title_of(server, "real_server"), place.span(), 1);
        self.fields(server, &place, 2, &["key", "checkers"]);
        self.checkers(&checks, &place);
        self.close(1);
    }

    fn checkers(&mut self, checks: &[(&Value, Place<'_>)], outer: &Place<'_>) {
        for (checker, place) in checks {
            let keyword = checker_keyword(checker);
            let place = place.clone().within(outer);
            self.open(keyword, place.span(), 2);
            let is_told = checker.get("kind").is_some_and(is_plain);
            let skipped: &[&str] = if is_told { &["kind"] } else { &[] };
            self.fields(checker, &place, 3, skipped);
            self.close(2);
        }
    }

    /// What the data plane is given for a service while all its servers are up.
    fn plane(&mut self, index: usize) {
        let Some(service) = self.loaded.config.virtual_servers.get(index) else {
            return;
        };
        let (who, xdp) = carrier(&self.loaded.config, service);
        self.line(&who, "", 0);
        if !xdp {
            return;
        }
        for line in gates(&self.loaded.config, service) {
            self.line(&line, "", 0);
        }
        self.line(&schedule(service), "", 0);
    }
}

/// The checkers of a server with their places, which are `written` in the same order.
fn checks<'v, 'o>(
    server: &'v Value,
    mut written: impl Iterator<Item = Place<'o>>,
) -> Vec<(&'v Value, Place<'o>)> {
    let checkers = items(server, "checkers").iter();
    let placed = checkers.map(|checker| {
        let keyword = checker_keyword(checker);
        let place = written.find(|place| place.is(keyword)).unwrap_or_default();
        (checker, place)
    });
    placed.collect()
}

fn items<'v>(value: &'v Value, list: &str) -> &'v [Value] {
    value
        .get(list)
        .and_then(Value::as_array)
        .map_or(&[], Vec::as_slice)
}

/// A kind of which its keyword says all.
fn is_plain(kind: &Value) -> bool {
    kind.as_str().is_some_and(|kind| kind != "TcpViaTunnel")
}

/// The keyword of a checker's block.
fn checker_keyword(checker: &Value) -> &'static str {
    let kind = checker.get("kind");
    let nested = kind.and_then(Value::as_object);
    let name = nested.and_then(|kind| kind.keys().next());
    let name = name.map(String::as_str).or_else(|| kind?.as_str());
    match name {
        Some("Http") => "HTTP_GET",
        Some("Ssl") => "SSL_GET",
        Some("Smtp") => "SMTP_CHECK",
        Some("Misc") => "MISC_CHECK",
        Some("Dns") => "DNS_CHECK",
        Some("Udp") => "UDP_CHECK",
        Some("Ping") => "PING_CHECK",
        Some("Bfd") => "BFD_CHECK",
        Some("File") => "FILE_CHECK",
        Some(_) | None => "TCP_CHECK",
    }
}

/// The keyword of a block and its key as the file has them.
fn title_of(block: &Value, keyword: &str) -> String {
    let key = block.get("key");
    let part = |name: &str| key.and_then(|key| key.get(name)).and_then(word);
    if let Some(mark) = part("fwmark") {
        return format!("{keyword} fwmark {mark}");
    }
    if let Some(group) = part("group") {
        return format!("{keyword} group {group}");
    }
    let address = part("address").unwrap_or_default();
    let port = part("port").unwrap_or_default();
    format!("{keyword} {address} {port}")
}

#[cfg(test)]
mod tests;
