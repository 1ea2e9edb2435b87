//! Whole configurations: the tutorials, rubbish, and a large one.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use proptest::prelude::*;

use super::*;

fn tutorials() -> Vec<PathBuf> {
    configurations("tutorials")
}

fn configurations(folder: &str) -> Vec<PathBuf> {
    let folder = format!("{}/../tests/configs/{folder}", env!("CARGO_MANIFEST_DIR"));
    let entries = std::fs::read_dir(folder).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// The text as if it stood in a file of its bare name.
fn load_bytes(name: &Path, bytes: &[u8]) -> Loaded {
    load(&Memory::default().with(name, bytes), name)
}

#[test]
fn every_tutorial_gives_the_reviewed_model_and_remarks() {
    let files = tutorials();
    assert_eq!(files.len(), 48);
    for path in files {
        compare_with_snapshot("", &path);
    }
}

#[test]
fn every_mended_tutorial_gives_the_reviewed_model_and_remarks() {
    for path in configurations("mended") {
        compare_with_snapshot("mended_", &path);
    }
}

fn compare_with_snapshot(prefix: &str, path: &Path) {
    let name = Path::new(path.file_name().unwrap());
    let loaded = load_bytes(name, &std::fs::read(path).unwrap());
    let text = format!(
        "exit status {}\n\n{}\n{}",
        loaded.exit_status(),
        render(&loaded, false),
        said(&loaded.config)
    );
    let snapshot = format!("{prefix}{}", path.file_stem().unwrap().display());
    insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
        insta::assert_snapshot!(snapshot, text);
    });
    assert!(!loaded.is_fatal(), "{name:?}");
}

/// The model, without what it would be had the file not spoken of it.
fn said(config: &Config) -> String {
    let mut value = serde_json::to_value(config).unwrap();
    strip(
        &mut value,
        &serde_json::to_value(Config::default()).unwrap(),
    );
    format!("{value:#}\n")
}

/// Takes out what is empty or equals the default.
fn strip(value: &mut serde_json::Value, default: &serde_json::Value) {
    use serde_json::Value;
    match value {
        Value::Object(fields) => {
            let named = fields
                .get("name")
                .and_then(Value::as_str)
                .unwrap_or_default();
            let default = match defaults(fields) {
                Some(value) => value(named),
                None => default.clone(),
            };
            for (name, value) in fields.iter_mut() {
                strip(value, default.get(name).unwrap_or(&Value::Null));
            }
            fields.retain(|name, value| {
                let is_default = default.get(name) == Some(value);
                name == "name" || !(is_default || is_nothing(value))
            });
        }
        Value::Array(items) => {
            for item in items {
                strip(item, &Value::Null);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn is_nothing(value: &serde_json::Value) -> bool {
    use serde_json::Value;
    match value {
        Value::Null => true,
        Value::Bool(value) => !value,
        Value::Number(_) | Value::String(_) => false,
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.is_empty(),
    }
}

/// The defaults of a block, told by a field that only it has.
fn defaults(
    fields: &serde_json::Map<String, serde_json::Value>,
) -> Option<fn(&str) -> serde_json::Value> {
    use super::model::{Command, VirtualServer, VrrpInstance, VrrpScript};
    if fields.contains_key("virtual_router_id") {
        Some(|name| serde_json::to_value(VrrpInstance::new(name)).unwrap())
    } else if fields.contains_key("lb_kind") {
        Some(|_| serde_json::to_value(VirtualServer::new(())).unwrap())
    } else if fields.contains_key("init_fail") {
        Some(|name| serde_json::to_value(VrrpScript::new(name, Command::default())).unwrap())
    } else {
        None
    }
}

#[test]
fn rubbish_ends_in_one_clear_message() {
    // A generator of its own (xorshift64*), so that the bytes are the same every time.
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let random: Vec<u8> = std::iter::repeat_with(|| {
        state ^= state >> 12;
        state ^= state << 25;
        state ^= state >> 27;
        state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_be_bytes()[0]
    })
    .take(10_000_000)
    .collect();
    for (bytes, expected) in [
        (
            random,
            "`x` does not look like a configuration file: it holds binary data",
        ),
        (
            vec![0; 10_000],
            "`x` does not look like a configuration file: it holds binary data",
        ),
    ] {
        let loaded = load_bytes(Path::new("x"), &bytes);
        let [diagnostic] = loaded.diagnostics.as_slice() else {
            panic!()
        };
        assert_eq!(diagnostic.message, expected);
        assert_eq!(loaded.exit_status(), 4);
        assert_eq!(loaded.config, Config::default());
    }
}

#[test]
fn a_text_that_is_no_configuration_is_not_answered_by_a_flood() {
    let mut words = String::new();
    for number in 0..100_000 {
        writeln!(words, "word{number} other").unwrap();
    }
    let loaded = load_bytes(Path::new("x"), words.as_bytes());
    assert_eq!(loaded.diagnostics.len(), 51);
    let last = loaded.diagnostics.last().unwrap();
    assert_eq!(last.message, "99950 more warnings in this file, not shown");
    assert_eq!(loaded.exit_status(), 5);
}

#[test]
fn what_is_not_shown_still_counts_for_the_exit_status() {
    let mut text = String::new();
    for number in 0..100 {
        writeln!(text, "vrrp_instance I{number} {{\n}}").unwrap();
    }
    text.push_str("vrrp_script\nvrrp_script {\n}\n");
    let loaded = load_bytes(Path::new("x"), text.as_bytes());
    assert_eq!(loaded.exit_status(), 2);
}

/// 2 000 services with 20 servers each, each with a check.
fn large() -> String {
    let mut text = String::new();
    for service in 0..2000u32 {
        let (high, low) = (service / 250, service % 250 + 1);
        writeln!(
            text,
            "virtual_server 10.0.{high}.{low} 80 {{\n    delay_loop 6\n    lb_algo wrr\n    \
             lb_kind DR\n    protocol TCP\n    sorry_server 10.9.9.9 80"
        )
        .unwrap();
        for server in 0..20u32 {
            writeln!(
                text,
                "    real_server 10.{}.{high}.{low} 80 {{\n        weight 1\n        \
                 notify_down \"/usr/bin/logger down\"\n        HTTP_GET {{\n            url {{\n\
                 path /health\n                status_code 200\n            }}\n            \
                 connect_timeout 1\n            retry 3\n            delay_before_retry 1\n        \
                 }}\n    }}",
                server + 20
            )
            .unwrap();
        }
        text.push_str("}\n");
    }
    text
}

#[test]
fn forty_thousand_servers_are_all_there() {
    let loaded = load_bytes(Path::new("x"), large().as_bytes());
    assert!(loaded.diagnostics.is_empty(), "{:?}", loaded.diagnostics);
    let servers = loaded
        .config
        .virtual_servers
        .iter()
        .map(|service| service.real_servers.len());
    assert_eq!(servers.sum::<usize>(), 40_000);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let loaded = load_bytes(Path::new("x"), &bytes);
        let _shown = render(&loaded, true);
    }

    #[test]
    fn no_text_makes_it_panic(text in "[a-z0-9 \\{\\}\"'#!@$~\\\\/.\\-\u{a0}\u{3000}\n\r\t]{0,400}") {
        let loaded = load_bytes(Path::new("x"), text.as_bytes());
        let _shown = render(&loaded, false);
    }

    /// Tutorials with pieces cut out, doubled and overwritten: what is close to a configuration
    /// reaches deeper than what is not.
    #[test]
    fn no_damaged_tutorial_makes_it_panic(
        which in any::<prop::sample::Index>(),
        wounds in prop::collection::vec(
            (any::<prop::sample::Index>(), 0usize..30, prop::collection::vec(any::<u8>(), 0..6)),
            1..8,
        ),
    ) {
        let files = tutorials();
        let mut bytes = std::fs::read(which.get(&files)).unwrap();
        for (place, length, patch) in wounds {
            if bytes.is_empty() {
                break;
            }
            let start = place.index(bytes.len());
            let end = (start + length).min(bytes.len());
            bytes.splice(start..end, patch);
        }
        let loaded = load_bytes(Path::new("x"), &bytes);
        let _shown = render(&loaded, true);
        prop_assert!(loaded.diagnostics.is_sorted_by_key(|diagnostic| diagnostic.span));
    }
}

/// Latin-1, as files from before UTF-8 have it.
#[test]
fn a_word_that_is_no_utf8_is_said_and_a_comment_is_not() {
    let of = |password: &[u8], comment: &[u8]| {
        let before =
            b"vrrp_instance A {\ninterface eth0\nvirtual_router_id 7\nvirtual_ipaddress {\n\
                       10.0.0.1\n}\nnotify /bin/";
        let authentication = b"\nauthentication {\nauth_type PASS\nauth_pass ";
        let text = [
            before.as_slice(),
            comment,
            authentication.as_slice(),
            password,
            b"\n}\n}\n".as_slice(),
        ];
        let source = Memory::default().with("/main", text.concat());
        let loaded = load(&source, Path::new("/main"));
        let entries = report(&loaded).into_iter();
        let said = entries.filter(|entry| entry.code == Code::NotUtf8);
        let said = said.map(|entry| {
            let place = entry.place.unwrap();
            (entry.severity, place.line, place.column)
        });
        (loaded.exit_status(), said.collect::<Vec<_>>())
    };
    assert_eq!(of(b"cafe", b"x # gr\xfc\xdfe"), (0, vec![]));
    assert_eq!(
        of(b"caf\xe9", b"x"),
        (5, vec![(Severity::Error, 10, 11)]),
        "the password is another one"
    );
    assert_eq!(
        of(b"cafe", b"\xe9"),
        (0, vec![(Severity::Warning, 7, 8)]),
        "another file is looked for"
    );
    // In UTF-8 it is what it is.
    assert_eq!(of("café".as_bytes(), b"x"), (0, vec![]));
    assert_eq!(of("caf\u{fffd}".as_bytes(), b"x"), (0, vec![]));
    // Also beside a comment that is not.
    let comment = b"x # gr\xfc\xdfe";
    assert_eq!(of("caf\u{fffd}".as_bytes(), comment), (0, vec![]));
    let beside = ["\u{fffd}".as_bytes(), b"\xe9"].concat();
    assert_eq!(
        of(&beside, comment),
        (5, vec![(Severity::Error, 10, 11)]),
        "one of the two is another byte"
    );
}

#[test]
fn each_place_of_a_repeated_mistake_is_there_for_programs_and_named_to_people() {
    let text = "global_defs {\nfooo 1\nrouter_id x\nfooo 2\n}\nglobal_defs {\nfooo 3\n}\n";
    let loaded = load(&Memory::default().with("/main", text), Path::new("/main"));
    let entries = report(&loaded);
    let [entry] = entries.as_slice() else {
        panic!("{entries:?}");
    };
    let repeats: Vec<usize> = entry.repeats.iter().map(|place| place.line).collect();
    assert_eq!(repeats, [4, 7]);
    let shown = render(&loaded, false);
    assert!(shown.contains("note: also on lines 4, 7\n"), "{shown}");
}

#[test]
fn the_places_of_a_repeated_mistake_are_bounded() {
    let text = format!("global_defs {{\n{}}}\n", "fooo\n".repeat(5000));
    let loaded = load(&Memory::default().with("/main", text), Path::new("/main"));
    let entries = report(&loaded);
    assert_eq!(entries[0].repeats.len(), 1000);
    assert!(entries[0].message.ends_with("(also on 4999 other lines)"));
}

/// Thousands of words that stand in hundreds of lines each cost programs no more than one does.
#[test]
fn the_places_of_all_repeated_mistakes_together_are_bounded() {
    let mut text = "global_defs {\n".to_owned();
    for _ in 0..50 {
        for number in 0..1000 {
            writeln!(text, "fooo{number}").unwrap();
        }
    }
    text.push_str("}\n");
    let source = Memory::default().with("/main", text);
    let path = Path::new("/main");
    let loaded = load_for_machines(&source, path, &Environment::default(), false);
    let entries = report(&loaded);
    assert_eq!(entries.len(), 1000);
    let repeats = || entries.iter().flat_map(|entry| &entry.repeats);
    assert_eq!(repeats().count(), 20_000);
    assert!(repeats().all(|place| place.text.is_none()));
    assert!(entries[999].message.ends_with("(also on 49 other lines)"));
}

/// What was meant is worked out for as many as people are shown.
#[test]
fn programs_are_told_what_was_meant_of_the_first_mistakes_only() {
    let mut text = String::new();
    for number in 0..120 {
        writeln!(text, "vrrp_script check{number} {{\nscript /bin/true\n}}").unwrap();
    }
    text.push_str("vrrp_instance A {\ninterface eth0\nvirtual_router_id 1\ntrack_script {\n");
    for number in 0..120 {
        writeln!(text, "chekc{number}").unwrap();
    }
    text.push_str("}\nno_virtual_ipaddress\n}\n");
    let source = Memory::default().with("/main", text);
    let path = Path::new("/main");
    let loaded = load_for_machines(&source, path, &Environment::default(), false);
    let entries = report(&loaded);
    let references = entries.iter().filter(|one| one.code == Code::Reference);
    let helped: Vec<bool> = references.map(|one| one.help.is_some()).collect();
    assert_eq!(helped.len(), 120);
    assert!(helped[..50].iter().all(|it| *it), "{helped:?}");
    assert!(!helped[50..].iter().any(|it| *it), "{helped:?}");
}

#[test]
fn programs_get_every_remark_and_people_the_first_of_them() {
    let mut text = "virtual_server_group G {\n".to_owned();
    for number in 0..120 {
        writeln!(text, "10.0.0.x{number} 80").unwrap();
    }
    text.push_str("}\n");
    let source = Memory::default().with("/main", text);
    let path = Path::new("/main");
    let bad = |loaded: &Loaded| {
        let remarks = loaded.diagnostics.iter();
        remarks.filter(|one| one.code == Code::BadValue).count()
    };
    let people = load(&source, path);
    assert_eq!(bad(&people), 50);
    assert!(people.diagnostics.iter().any(|one| one.code == Code::More));
    let machines = load_for_machines(&source, path, &Environment::default(), false);
    assert_eq!(bad(&machines), 120);
    assert!(
        !machines
            .diagnostics
            .iter()
            .any(|one| one.code == Code::More)
    );
}

#[test]
fn what_was_mended_ends_check_with_5_and_holds_nothing_up() {
    let of = |text: &str| load(&Memory::default().with("/main", text), Path::new("/main"));
    let instance = |name: &str, vrid: u8, lines: &str| {
        format!(
            "vrrp_instance {name} {{\ninterface eth0\nvirtual_router_id {vrid}\nvirtual_ipaddress {{\n\
             10.0.0.{vrid}\n}}\n{lines}\n}}\n"
        )
    };
    let state = |loaded: &Loaded| (loaded.exit_status(), loaded.is_faulty(), loaded.is_fatal());
    let mended = instance("A", 1, "state MASTER\nnopreempt");
    assert_eq!(state(&of(&mended)), (5, false, false));
    let quorum = |lines: &str| format!("vrrp_track_process P {{\nprocess x\n{lines}\n}}\n");
    let less = quorum("quorum 3\nquorum_max 2");
    assert_eq!(state(&of(&less)), (5, false, false));
    let none = quorum("quorum_max 0");
    assert_eq!(state(&of(&none)), (0, false, false), "as for keepalived");
    let lost = instance("A", 1, "priority x");
    assert_eq!(state(&of(&lost)), (5, true, false));
    let twice = instance("A", 1, "") + &instance("B", 1, "");
    assert_eq!(state(&of(&twice)), (5, true, true));
    // What counts above a fault does so here, too, and nothing runs.
    let above = format!("includea zz\n{twice}");
    assert_eq!(state(&of(&above)), (6, true, true));
}
