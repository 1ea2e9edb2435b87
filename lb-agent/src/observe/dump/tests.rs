use serde::Deserialize;

use super::*;
use crate::observe::model::CheckView;
use crate::observe::sample;

fn text(dump: Dump<'_>, format: Format) -> String {
    let mut out = Vec::new();
    dump.write(&mut out, format, Columns::Connections).unwrap();
    String::from_utf8(out).unwrap()
}

fn kept(vip: &str) -> (Dump<'static>, bool) {
    let mut dump = sample::dump();
    let any = dump.keep(vip.parse().unwrap(), &[]);
    (dump, any)
}

/// What another program sees.
#[derive(Debug, Deserialize)]
struct Read {
    version: u32,
    agent: AgentView,
    vrrp: Option<Vec<InstanceView>>,
    services: Option<Vec<ServiceView>>,
    checks: Option<Vec<CheckView>>,
    punctuality: Option<PunctualityView>,
    backends: Option<Vec<BackendView>>,
    interfaces: Option<Vec<AttachmentView>>,
    connections: Option<Vec<ConnectionView>>,
    reasons: Option<Vec<ReasonView>>,
}

fn read(dump: Dump<'_>) -> Read {
    serde_json::from_str(&text(dump, Format::Json)).unwrap()
}

#[test]
fn every_section_as_tables() {
    insta::assert_snapshot!(text(sample::dump(), Format::Table));
}

#[test]
fn every_section_as_json() {
    insta::assert_snapshot!(text(sample::dump(), Format::Json));
}

#[test]
fn the_json_is_read_back_as_the_same_records() {
    let back = read(sample::dump());
    assert_eq!(back.version, 1);
    assert_eq!(back.agent, sample::agent());
    assert_eq!(back.vrrp.unwrap(), sample::instances());
    assert_eq!(back.services.unwrap(), sample::services());
    assert_eq!(back.backends.unwrap(), sample::backends());
    assert_eq!(back.checks.unwrap(), sample::checks());
    assert_eq!(back.punctuality.unwrap(), sample::punctuality());
    assert_eq!(back.interfaces.unwrap(), sample::attachments());
    assert_eq!(back.connections.unwrap(), sample::connections());
    assert_eq!(back.reasons.unwrap(), sample::reasons());
}

#[test]
fn a_section_that_was_not_asked_for_is_not_written() {
    let only = Dump {
        services: Some(vec![]),
        ..Dump::new(sample::agent())
    };
    let value: serde_json::Value = serde_json::from_str(&text(only, Format::Json)).unwrap();
    let keys: Vec<_> = value.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["agent", "services", "version"]);
    assert_eq!(value["services"], serde_json::json!([]));
    assert_eq!(text(Dump::new(sample::agent()), Format::Table), "");
}

#[test]
fn what_was_put_back_of_static_addresses_and_routes_is_shown_where_there_is_something() {
    let dump = |statics| Dump {
        vrrp: Some(vec![]),
        statics: Some(statics),
        ..Dump::new(sample::agent())
    };
    let none = StaticStats::default();
    let some = StaticStats {
        address_restored: 2,
        routing_restored: 3,
    };
    let value: serde_json::Value = serde_json::from_str(&text(dump(none), Format::Json)).unwrap();
    let expected = serde_json::json!({ "address_restored": 0, "routing_restored": 0 });
    assert_eq!(value["statics"], expected);
    assert_eq!(text(dump(none), Format::Table), "");
    let shown = text(dump(some), Format::Table);
    assert!(
        shown.contains("   Addresses: 2\n   Routes and rules: 3\n"),
        "{shown}"
    );
    let mut of_one = dump(some);
    of_one.keep("192.0.2.1".parse().unwrap(), &[]);
    assert_eq!(of_one.statics, None, "they are not one address's");
}

#[test]
fn checks_that_are_not_known_are_null_and_with_a_virtual_address_left_out() {
    let unknown = || Dump {
        checks: Some(Checks::Unknown("no agent runs".into())),
        ..Dump::new(sample::agent())
    };
    let value: serde_json::Value = serde_json::from_str(&text(unknown(), Format::Json)).unwrap();
    assert_eq!(value.get("checks"), Some(&serde_json::Value::Null));
    let mut dump = unknown();
    assert!(!dump.keep("192.0.2.1".parse().unwrap(), &[]));
    assert_eq!(dump.checks, None);
}

#[test]
fn the_version_is_the_first_field() {
    assert!(text(sample::dump(), Format::Json).starts_with("{\n  \"version\": 1,\n"));
}

#[test]
fn a_virtual_address_keeps_what_belongs_to_it() {
    let (dump, any) = kept("192.168.159.200");
    assert!(any);
    let back = read(dump);
    assert_eq!(back.services.unwrap(), sample::services()[..1]);
    assert_eq!(back.backends.unwrap(), sample::backends()[..2]);
    assert_eq!(back.connections.unwrap(), sample::connections()[..1]);
    assert_eq!(back.vrrp.unwrap(), sample::instances()[..1]);
    assert_eq!(back.checks.unwrap(), sample::checks()[..2]);
    assert_eq!(back.interfaces, None, "they are everybody's");
    assert_eq!(back.punctuality, None, "it is everybody's");
    assert_eq!(
        back.reasons, None,
        "they are counted for all addresses together"
    );
}

#[test]
fn a_port_chooses_the_services_but_not_the_instances() {
    let back = read(kept("192.168.159.200:443").0);
    assert_eq!(back.services.unwrap(), []);
    assert_eq!(back.connections.unwrap(), []);
    assert_eq!(back.vrrp.unwrap().len(), 1);
}

#[test]
fn an_address_that_nothing_belongs_to_is_told() {
    let mut dump = sample::dump();
    dump.connections = None;
    assert!(!dump.keep("198.51.100.1".parse().unwrap(), &[]));
    let (connections, any) = kept("198.51.100.1");
    assert!(any, "of connections it is known when they are read");
    assert_eq!(read(connections).connections.unwrap(), []);
}

#[test]
fn connections_are_written_while_they_are_read() {
    let one = sample::connections().remove(0);
    let seen = std::cell::Cell::new(0u32);
    let endless = std::iter::repeat_with(|| {
        seen.set(seen.get() + 1);
        one.clone()
    });
    let dump = Dump {
        connections: Some(Box::new(endless)),
        ..Dump::new(sample::agent())
    };
    let mut room = vec![0u8; 100_000];
    let error = dump.write(&mut room.as_mut_slice(), Format::Json, Columns::Connections);
    assert_eq!(error.unwrap_err().kind(), io::ErrorKind::WriteZero);
    assert!(
        (10..10_000).contains(&seen.get()),
        "{} were read",
        seen.get()
    );
}

/// Every name of the JSON, however deep.
fn names(value: &serde_json::Value, found: &mut std::collections::BTreeSet<String>) {
    match value {
        serde_json::Value::Object(fields) => {
            for (name, value) in fields {
                found.insert(name.clone());
                names(value, found);
            }
        }
        serde_json::Value::Array(values) => values.iter().for_each(|value| names(value, found)),
        _ => {}
    }
}

#[test]
fn every_field_and_every_reason_is_described() {
    let documentation = include_str!("../../../../docs/dump.md");
    let value = serde_json::from_str(&text(sample::dump(), Format::Json)).unwrap();
    let mut found = std::collections::BTreeSet::new();
    names(&value, &mut found);
    for reason in lb_common::stats::Reason::ALL {
        found.insert(reason.name().into());
    }
    assert!(found.len() > 50);
    for name in found {
        let described = [
            format!("`{name}`"),
            format!("`{name}."),
            format!(".{name}`"),
        ];
        let described = described.iter().any(|form| documentation.contains(form));
        assert!(described, "docs/dump.md does not describe `{name}`");
    }
}
