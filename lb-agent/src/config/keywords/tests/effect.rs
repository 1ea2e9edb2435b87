//! From every keyword that is done to what it changes in the model, built from the tables.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::super::*;
use crate::config::source::Memory;
use crate::config::{Loaded, load};

/// A configuration with a place for one more line in each block. Instance B has no interface of
/// its own and is left out as long as there is no default.
const EVERYWHERE: &str = "
global_defs {
    <global_defs>
}
vrrp_instance A {
    interface eth0
    virtual_router_id 51
    <vrrp_instance>
    authentication {
        <authentication>
    }
}
vrrp_instance B {
    virtual_router_id 52
}
virtual_server 10.0.0.1 80 {
    <virtual_server>
    real_server 10.0.0.2 80 {
        <real_server>
        TCP_CHECK {
            <TCP_CHECK>
        }
        HTTP_GET {
            <HTTP_GET>
            url {
                path /
                <url>
            }
        }
    }
}
<top level>
";

/// Lines for the keywords whose shape the tables do not know, with what must stand before them.
fn line_of(section: &str, keyword: &str) -> (&'static str, &'static str) {
    match (section, keyword) {
        (_, "default_interface") => ("", "default_interface eth7"),
        (_, "vrrp_mcast_group4") => ("", "vrrp_mcast_group4 230.0.0.1"),
        (_, "xdp_attach") => ("", "xdp_attach master"),
        (_, "xdp_mode") => ("", "xdp_mode native"),
        (_, "xdp_interfaces") => ("", "xdp_interfaces eth8"),
        (_, "state") => ("", "state MASTER"),
        (_, "interface") => ("", "interface eth7"),
        (_, "priority") => ("", "priority 77"),
        (_, "preempt") => ("nopreempt", "preempt"),
        (_, "mcast_src_ip") => ("", "mcast_src_ip 10.0.0.7"),
        (_, "unicast_src_ip") => ("", "unicast_src_ip 10.0.0.7"),
        (_, "unicast_peer") => ("", "unicast_peer { 10.0.0.7 }"),
        (_, "mcast_dst_ip") => ("", "mcast_dst_ip 230.0.0.1"),
        (_, "authentication") => ("", "authentication {\nauth_type PASS\nauth_pass x\n}"),
        (_, "auth_type") => ("auth_pass x", "auth_type PASS"),
        (_, "virtual_ipaddress") => ("", "virtual_ipaddress { 10.0.0.1 }"),
        (_, "virtual_ipaddress_excluded") => ("", "virtual_ipaddress_excluded { 10.0.0.1 }"),
        (_, "lb_algo") => ("", "lb_algo rr"),
        (_, "lb_kind") => ("", "lb_kind DR"),
        (_, "protocol") => ("", "protocol TCP"),
        (_, "persistence_timeout") => ("", "persistence_timeout 77"),
        (_, "persistence_granularity") => ("", "persistence_granularity 24"),
        (_, "sorry_server") => ("", "sorry_server 10.0.0.7 80"),
        (_, "real_server") => ("", "real_server 10.0.0.7 80 {\n}"),
        (_, "TCP_CHECK") => ("", "TCP_CHECK {\n}"),
        (_, "HTTP_GET") => ("", "HTTP_GET {\nurl {\npath /7\n}\n}"),
        (_, "url") => ("", "url {\npath /7\n}"),
        (_, "connect_ip") => ("", "connect_ip 10.0.0.7"),
        (_, "bindto") => ("", "bindto 10.0.0.7"),
        (_, "http_protocol") => ("", "http_protocol 1.1"),
        (_, "status_code") => ("", "status_code 207"),
        (_, "global_defs") => ("", "global_defs {\nrouter_id x\n}"),
        (_, "vrrp_instance") => (
            "",
            "vrrp_instance C {\ninterface eth0\nvirtual_router_id 53\nno_virtual_ipaddress\n}",
        ),
        (_, "virtual_server") => (
            "",
            "virtual_server 10.0.0.7 80 {\nreal_server 10.0.0.2 80 {\n}\n}",
        ),
        _ => panic!("no line for `{keyword}` of {section}"),
    }
}

/// A line that says something else than the default.
fn line<T>(section: &str, keyword: &Keyword<T>) -> Option<(String, String)> {
    let Rule::Done(argument) = &keyword.rule else {
        return None;
    };
    let before = if keyword.name == "auth_pass" {
        "auth_type PASS"
    } else {
        ""
    };
    let value = match argument {
        Argument::Flag(_) => "on".to_owned(),
        Argument::Byte(range, _) => range.end().min(&77).to_string(),
        Argument::Short(range, _) => range.end().min(&77).to_string(),
        Argument::Number(range, _) => range.end().min(&77).to_string(),
        Argument::Seconds(range, _) => range.end().as_secs().min(77).to_string(),
        Argument::Text(_) => "seven".to_owned(),
        Argument::Line(..) | Argument::Block(..) => {
            let (before, line) = line_of(section, keyword.name);
            return Some((before.to_owned(), line.to_owned()));
        }
    };
    Some((before.to_owned(), format!("{} {value}", keyword.name)))
}

fn with(section: &str, lines: &str) -> Loaded {
    let mut text = EVERYWHERE.replace(&format!("<{section}>"), lines);
    while let Some(start) = text.find('<') {
        let end = text.find('>').unwrap();
        text.replace_range(start..=end, "");
    }
    load(&Memory::default().with("/main", text), Path::new("/main"))
}

/// Every leaf of the model by its path.
fn leaves(path: &str, value: &Value, into: &mut BTreeMap<String, String>) {
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                leaves(&format!("{path}.{name}"), value, into);
            }
        }
        Value::Array(items) => {
            into.insert(format!("{path}.length"), items.len().to_string());
            for (index, value) in items.iter().enumerate() {
                leaves(&format!("{path}[{index}]"), value, into);
            }
        }
        other => {
            into.insert(path.to_owned(), other.to_string());
        }
    }
}

fn model(loaded: &Loaded) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    leaves(
        "",
        &serde_json::to_value(&loaded.config).unwrap(),
        &mut found,
    );
    let remarks = loaded.diagnostics.len();
    found.insert("remarks".to_owned(), remarks.to_string());
    found
}

/// What the second has otherwise than the first; of a list that has grown only its length.
fn changes(before: &Loaded, after: &Loaded) -> Vec<String> {
    let (before, after) = (model(before), model(after));
    let mut paths: Vec<&String> = before.keys().chain(after.keys()).collect();
    paths.sort();
    paths.dedup();
    paths.retain(|path| before.get(*path) != after.get(*path));
    let grown: Vec<String> = paths
        .iter()
        .filter_map(|path| Some(format!("{}[", path.strip_suffix(".length")?)))
        .collect();
    let nothing = || "nothing".to_owned();
    let value =
        |model: &BTreeMap<String, String>, path| model.get(path).cloned().unwrap_or_else(nothing);
    let mut shown: Vec<String> = paths
        .into_iter()
        .filter(|path| !grown.iter().any(|list| path.starts_with(list)))
        .map(|path| format!("{path} {} -> {}", value(&before, path), value(&after, path)))
        .collect();
    if shown.len() > 1 {
        shown.retain(|change| !change.starts_with("remarks"));
    }
    shown
}

fn table<T>(section: &Section<T>) -> String {
    let mut rows = String::new();
    for keyword in section.keywords() {
        let Some((before, line)) = line(section.name, keyword) else {
            continue;
        };
        let changes = changes(
            &with(section.name, &before),
            &with(section.name, &format!("{before}\n{line}")),
        );
        assert!(
            !changes.is_empty(),
            "`{line}` of {} changes nothing",
            section.name
        );
        let line = line.replace('\n', " ");
        rows.extend(["  ", &line, "\n      ", &changes.join("\n      "), "\n"]);
        for alias in keyword.aliases {
            let (name, aliased) = (keyword.name, line.replacen(keyword.name, alias, 1));
            let (first, second) = (with(section.name, &line), with(section.name, &aliased));
            assert_eq!(first.config, second.config, "{alias} is not {name}");
        }
    }
    format!("{}\n{rows}", section.name)
}

#[test]
fn every_keyword_that_is_done_changes_what_it_should() {
    let tables = [
        table(&ROOT),
        table(&GLOBAL_DEFS),
        table(&VRRP_INSTANCE),
        table(&AUTHENTICATION),
        table(&VIRTUAL_SERVER),
        table(&REAL_SERVER),
        table(&TCP_CHECK),
        table(&HTTP_GET),
        table(&URL),
    ];
    insta::assert_snapshot!(tables.join("\n"));
}
