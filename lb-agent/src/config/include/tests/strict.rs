//! What the strict variants insist on. Each row is what `keepalived -t` 2.2.7 makes of it, but for a
//! file that plain `include` finds and cannot read: that is an error here, so that no reload takes it.

use super::*;

/// `d` holds `a.conf`, and two files that are there and cannot be read.
fn verdict(lines: &str) -> (u8, Vec<String>) {
    let source = Memory::default()
        .with("/main", lines)
        .with("/d/e/b.conf", "")
        .with("/d/a.conf", "")
        .with_executable("/d/script", "")
        .with("/stricter", "include_check match\n")
        .with("/milder", "include_check -match\n");
    let loaded = load(&source, Path::new("/main"));
    (loaded.exit_status(), remarks(&loaded))
}

/// For each pattern the variants that end in status 6, in the order of their letters.
const PATTERNS: &[(&str, &str)] = &[
    ("d/zz", "amw"),
    ("d/zz*", "aw"),
    ("d/{yy,zz}", "ab"),
    ("d/{yy,zz*}", "ab"),
    ("d/{a,zz}.conf", "ab"),
    ("d/{a,zz*}.conf", ""),
    ("d/a.conf", ""),
    ("d", "abmrw"),
    ("d/script", "abmrw"),
];

#[test]
fn each_variant_insists_on_what_keepalived_insists_on() {
    for (pattern, strict) in PATTERNS {
        for letter in ["", "a", "b", "m", "r", "w"] {
            let line = format!("include{letter} {pattern}\n");
            let (status, said) = verdict(&line);
            let is_strict = !letter.is_empty() && strict.contains(letter);
            let expected = match *pattern {
                _ if is_strict => 6,
                "d/script" => 5,
                _ => 0,
            };
            assert_eq!(status, expected, "{line}: {said:?}");
            let is_error = said
                .iter()
                .any(|one| one.starts_with("error strict-include"));
            assert_eq!(is_error, is_strict, "{line}: {said:?}");
        }
    }
}

#[test]
fn a_pattern_that_matches_in_part_is_said_as_keepalived_says_it() {
    let (_, said) = verdict("include d/{a,zz}.conf\n");
    assert_eq!(said, ["warning no-match: there is no file `d/zz.conf`"]);
    let (_, said) = verdict("include d/{a,zz*}.conf\n");
    assert_eq!(said, [""; 0]);
}

#[test]
fn include_check_says_what_include_insists_on() {
    for (lines, expected) in [
        ("include_check read\ninclude d", 6),
        ("include_check match\ninclude d/zz", 6),
        ("include_check match\ninclude d/zz*", 0),
        ("include_check wildcard_match\ninclude d/zz*", 6),
        ("include_check brace_match\ninclude d/{a,zz}.conf", 6),
        ("include_check\ninclude d/zz*", 6),
        // Signs change what holds, words take its place.
        (
            "include_check match wildcard_match\ninclude_check -wildcard_match\ninclude d/zz*",
            0,
        ),
        (
            "include_check match\ninclude_check +wildcard_match\ninclude d/zz*",
            6,
        ),
        (
            "include_check match\ninclude_check brace_match\ninclude d/zz",
            0,
        ),
        // A brace within quotes ends no block.
        ("router_id \"}\"\ninclude_check match\ninclude d/zz", 6),
        // A variant adds to it.
        ("include_check match\nincluder d/zz", 6),
        // What a file changes ends with it, and it begins with what holds.
        ("include stricter\ninclude d/zz", 0),
        ("include_check match\ninclude milder\ninclude d/zz", 6),
    ] {
        let (status, said) = verdict(&format!("global_defs {{\n{lines}\n}}\n"));
        assert_eq!(status, expected, "{lines}: {said:?}");
    }
    let (status, _) = verdict("global_defs { include_check match\n}\ninclude d/zz\n");
    assert_eq!(status, 6, "it holds behind the block as well");
    // A condition before the block that holds.
    let lines = "@^other global_defs {\ninclude_check match\ninclude d/zz\n}\n";
    let (status, said) = verdict(lines);
    assert_eq!(status, 6, "{said:?}");
}

#[test]
fn include_check_counts_in_global_defs_only() {
    let (status, said) = verdict("include_check match\ninclude d/zz\n");
    assert_eq!(status, 5);
    assert_eq!(
        said,
        [
            "warning misplaced: `include_check` does not belong at the top level: it is ignored",
            "warning no-match: there is no file `d/zz`",
        ]
    );
    let (_, said) =
        verdict("global_defs\n{\n}\nvrrp_instance A {\ninclude_check match\n}\ninclude d/zz\n");
    assert!(
        said.contains(&"warning no-match: there is no file `d/zz`".to_owned()),
        "{said:?}"
    );
}
