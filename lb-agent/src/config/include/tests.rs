mod strict;
mod unusable;

use std::fmt::Write as _;
use std::path::Path;

use super::decode::{Content, decode};
use super::*;
use crate::config::source::Memory;
use crate::config::{Diagnostic, Loaded, Severity, load};

/// Severity, code and message of each remark, one line each.
fn remarks(loaded: &Loaded) -> Vec<String> {
    let line = |d: &Diagnostic| format!("{} {}: {}", d.severity.word(), d.code.slug(), d.message);
    loaded.diagnostics.iter().map(line).collect()
}

fn router_id(loaded: &Loaded) -> Option<&str> {
    loaded.config.global_defs.router_id.as_deref()
}

#[test]
fn includes_stand_in_the_place_of_their_line_relative_to_the_including_file() {
    let source = Memory::default()
        .with(
            "/etc/k/main.conf",
            "global_defs {\n include parts/name # comment\n}\ninclude sub/*.conf\n",
        )
        .with("/etc/k/parts/name", "router_id here")
        .with(
            "/etc/k/sub/2.conf",
            "vrrp_instance B {\ninterface eth0\nvirtual_router_id 2\n}",
        )
        .with("/etc/k/sub/1.conf", "include deep/{x,y}.conf\n")
        .with(
            "/etc/k/sub/deep/y.conf",
            "vrrp_instance A {\ninterface eth0\nvirtual_router_id 1\n}",
        );
    let loaded = load(&source, Path::new("/etc/k/main.conf"));
    assert_eq!(router_id(&loaded), Some("here"));
    let names: Vec<&str> = loaded
        .config
        .vrrp_instances
        .iter()
        .map(|instance| instance.name.as_str())
        .collect();
    assert_eq!(names, ["A", "B"]);
    let files: Vec<String> = loaded
        .sources
        .files()
        .map(|(_, file)| file.path().display().to_string())
        .collect();
    assert_eq!(
        files,
        [
            "/etc/k/main.conf",
            "/etc/k/parts/name",
            "/etc/k/sub/1.conf",
            "/etc/k/sub/deep/y.conf",
            "/etc/k/sub/2.conf"
        ]
    );
}

#[test]
fn braces_expand_as_in_a_shell() {
    for (pattern, expected) in [
        ("a", vec!["a"]),
        ("{a,b}", vec!["a", "b"]),
        ("x{1,2{a,b},}y", vec!["x1y", "x2ay", "x2by", "xy"]),
        ("{a,b}{1,2}", vec!["a1", "a2", "b1", "b2"]),
        ("{a", vec!["{a"]),
        ("a}", vec!["a}"]),
    ] {
        assert_eq!(braces::expand(pattern).unwrap(), expected, "{pattern}");
    }
    assert_eq!(braces::expand(&"{a,b}".repeat(40)), None);
}

#[test]
fn a_text_with_a_stray_control_character_is_still_a_text() {
    let mut text = String::new();
    for number in 0..100 {
        writeln!(text, "# line {number}").unwrap();
    }
    text.push('\u{1}');
    assert!(matches!(
        decode(text.clone().into_bytes()),
        Content::Text(_, None)
    ));
    // A comment in GBK: not UTF-8, but no junk either.
    assert!(matches!(
        decode(b"# \xc5\xe4\xd6\xc3\n".to_vec()),
        Content::Text(_, Some(_))
    ));
}

/// As keepalived 2.2.7 does, whatever its manual says.
#[test]
fn conditions_and_variables_count_for_includes() {
    let source = |main: &str| {
        Memory::default()
            .with("/etc/main", main)
            .with("/etc/one", "router_id one\n")
            .with("/etc/d/two", "router_id two\n")
            .with("/etc/names", "$NAME=d/two\n")
    };
    let environment = Environment {
        config_id: "lb1".to_owned(),
        ..Environment::default()
    };
    for (lines, expected) in [
        ("@lb1 include one\n@lb2 include d/two", Some("one")),
        ("@^lb1 include one\n  @^lb2 include d/two", Some("two")),
        ("@lb2 include one", None),
        ("$NAME=one\ninclude $NAME", Some("one")),
        (
            "@lb1 $NAME=one\n@lb2 $NAME=d/two\ninclude $NAME",
            Some("one"),
        ),
        ("$DIR=d\ninclude ${DIR}/two", Some("two")),
        ("include names\n@lb1 include $NAME # here", Some("two")),
    ] {
        let source = source(&format!("global_defs {{\n{lines}\n}}\n"));
        let loaded = crate::config::load_in(&source, Path::new("/etc/main"), &environment);
        assert_eq!(
            router_id(&loaded),
            expected,
            "{lines}: {:?}",
            remarks(&loaded)
        );
        assert_eq!(remarks(&loaded), Vec::<String>::new(), "{lines}");
    }
    let loaded = load(
        &source("$NAME=nothing\ninclude  $NAME # x\n"),
        Path::new("/etc/main"),
    );
    let entries = crate::config::report(&loaded);
    let place = entries[0].place.as_ref().unwrap();
    assert_eq!((place.line, place.column, place.length), (2, 1, 14));
}
