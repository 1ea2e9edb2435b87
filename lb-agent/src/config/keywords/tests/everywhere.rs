//! A configuration with a place for one more line in each block, and what was changed by it.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;

use super::super::section::{Kind, Row};
use crate::config::source::Memory;
use crate::config::{Environment, Loaded, load, load_explained};

/// A configuration with a place for one more line in each block, and one more option on a line of
/// each kind. Instance B has no interface of its own and is left out as long as there is no
/// default. What others refer to by name is there.
const EVERYWHERE: &str = "
global_defs {
    <global_defs>
}
vrrp_script S {
    script /bin/false
    <vrrp_script>
}
vrrp_track_process P {
    process haproxy
    <vrrp_track_process>
}
track_file F {
    file /run/f
    <track_file>
}
track_file G {
    file /run/g
}
bfd_instance D {
    neighbor_ip 10.0.0.2
    <bfd_instance>
}
bfd_instance E {
    neighbor_ip 10.0.0.3
}
vrrp_instance A {
    interface eth0
    virtual_router_id 51
    authentication {
        <authentication>
    }
    auth_hmac {
        key 7 seventhsecretofthirtytwocharacters
        <auth_hmac>
    }
    track_interface {
        eth1 <what is tracked>
    }
    unicast_peer {
        10.0.0.5 <a unicast peer>
    }
    use_vmac <a VMAC>
    virtual_ipaddress {
        10.0.0.1/24 <an address>
    }
    <vrrp_instance>
}
vrrp_instance B {
    virtual_router_id 52
    virtual_ipaddress {
        10.0.0.52
    }
}
vrrp_instance K {
    interface eth0
    virtual_router_id 54
}
vrrp_sync_group H {
    group {
        A
    }
    <vrrp_sync_group>
}
track_group T {
    <track_group>
}
garp_group {
    <garp_group>
}
static_ipaddress {
    10.0.0.6/24 dev eth0 <an address>
}
static_routes {
    10.6.0.0/16 via 10.0.0.6 <a route>
    10.5.0.0/16 nexthop via 10.0.0.5 <a next hop>
}
static_rules {
    from 10.6.0.0/16 table 6 preference 6 <a rule>
}
SSL {
    <SSL>
}
virtual_server 10.0.0.1 80 {
    lb_algo sh
    quorum 70
    weight 100
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
        SSL_GET {
            url {
                path /
            }
            <SSL_GET>
        }
        SMTP_CHECK {
            <SMTP_CHECK>
            host {
                <host>
            }
        }
        MISC_CHECK {
            misc_path /bin/false
            <MISC_CHECK>
        }
        DNS_CHECK {
            <DNS_CHECK>
        }
        UDP_CHECK {
            <UDP_CHECK>
        }
        PING_CHECK {
            <PING_CHECK>
        }
        BFD_CHECK {
            name D
            <BFD_CHECK>
        }
        FILE_CHECK {
            track_file F
            <FILE_CHECK>
        }
    }
}
virtual_server fwmark 7 {
    <virtual_server>
    real_server fd00::2 80 {
    }
}
virtual_server 10.0.0.8 80 {
    protocol TCP
    lb_kind DR
    real_server 10.0.0.9 80 {
        TCP_CHECK {
            <TCP_CHECK>
        }
    }
}
<top level>
";

/// Its name.
const MAIN: &str = "/main";

/// What must stand before a line so that it can change something.
pub(super) fn before(section: &str, keyword: &str) -> &'static str {
    match (section, keyword) {
        ("vrrp_instance", "preempt") => "nopreempt",
        ("virtual_server", "sorry_server_inhibit") => "sorry_server 10.0.0.7 80",
        ("authentication", "auth_pass") => "auth_type PASS",
        ("authentication", "auth_type") => "auth_pass x",
        ("global_defs", "startup_script_timeout") => "startup_script /bin/true",
        ("global_defs", "shutdown_script_timeout") => "shutdown_script /bin/true",
        ("global_defs", "nftables_ipvs_priority" | "nftables_ipvs_start_fwmark") => "nftables_ipvs",
        _ => "",
    }
}

/// These lines in the place that a block has for them.
pub(super) fn with(section: &str, lines: &str) -> Loaded {
    load(&source(section, lines), Path::new(MAIN))
}

/// The same, remembering where each value comes from.
pub(super) fn explained(section: &str, lines: &str) -> Loaded {
    let environment = Environment::default();
    load_explained(&source(section, lines), Path::new(MAIN), &environment)
}

fn source(section: &str, lines: &str) -> Memory {
    let mut text = EVERYWHERE.replace(&format!("<{section}>"), lines);
    while let Some(start) = text.find('<') {
        let end = text.find('>').unwrap();
        text.replace_range(start..=end, "");
    }
    Memory::default().with(MAIN, text)
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
    let config = serde_json::to_value(&loaded.config).unwrap();
    leaves("", &config, &mut found);
    // Passwords are not part of what is shown.
    for instance in &loaded.config.vrrp_instances {
        let path = format!(".{}.password", instance.name);
        let shown = match &instance.authentication {
            None => continue,
            Some(crate::config::model::Authentication::Pass(bytes)) => format!("{bytes:?}"),
            Some(crate::config::model::Authentication::Ah(key)) => format!("{:?}", key.bytes()),
        };
        found.insert(path, shown);
    }
    found
}

/// What the second has otherwise than the first; of a list that has grown only its length.
pub(super) fn changes(before: &Loaded, after: &Loaded) -> Vec<String> {
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
    paths
        .into_iter()
        .filter(|path| !grown.iter().any(|list| path.starts_with(list)))
        .map(|path| format!("{path} {} -> {}", value(&before, path), value(&after, path)))
        .collect()
}

/// The line, or the words, that one row stands for.
pub(super) fn line(kind: Kind, row: &Row) -> String {
    match kind {
        Kind::Options if row.syntax.is_empty() => row.name.to_owned(),
        Kind::Options | Kind::Block | Kind::Everywhere => {
            format!("{} {}", row.name, row.example).trim().to_owned()
        }
    }
}
