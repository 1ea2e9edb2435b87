//! Files that cannot be used, and includes that would never end: each draws one remark.

use super::*;

#[test]
fn a_cycle_is_refused_with_its_files_and_the_rest_is_read() {
    let source = Memory::default()
        .with(
            "/a.conf",
            "include b.conf\nglobal_defs {\n router_id after\n}\n",
        )
        .with("/b.conf", "include c.conf\n")
        .with("/c.conf", "include ./b.conf\n");
    let loaded = load(&source, Path::new("/a.conf"));
    assert_eq!(
        remarks(&loaded),
        ["error include-cycle: `/b.conf` includes itself: /b.conf -> /c.conf -> /b.conf"]
    );
    assert_eq!(router_id(&loaded), Some("after"));
    assert_eq!(loaded.exit_status(), 5);
}

#[test]
fn a_chain_without_end_and_a_bomb_of_includes_end_in_one_error() {
    let mut chain = Memory::default();
    for number in 0..100 {
        chain = chain.with(format!("/{number}"), format!("include {}\n", number + 1));
    }
    let loaded = load(&chain, Path::new("/0"));
    assert_eq!(
        remarks(&loaded),
        ["error too-large: more than 32 files include each other in a row"]
    );
    assert_eq!(loaded.exit_status(), 4);

    let mut bomb = Memory::default().with("/30", "");
    for number in 0..30 {
        let twice = format!("include {0}\ninclude {0}\n", number + 1);
        bomb = bomb.with(format!("/{number}"), twice);
    }
    let loaded = load(&bomb, Path::new("/0"));
    assert_eq!(
        remarks(&loaded),
        ["error too-large: more than 10000 files are included"]
    );
}

#[test]
fn all_texts_together_have_a_limit() {
    let big = "! comment\n".repeat(MAX_BYTES / 20);
    let source = Memory::default()
        .with("/main", "include big\ninclude big\ninclude big\n")
        .with("/big", big);
    let loaded = load(&source, Path::new("/main"));
    let [remark] = remarks(&loaded).try_into().unwrap();
    assert!(
        remark.starts_with("error too-large: cannot include `/big`: it is too large"),
        "{remark}"
    );
    assert!(loaded.is_fatal());
}

#[test]
fn a_file_that_cannot_be_used_draws_one_clear_remark() {
    let junk: Vec<u8> = (0..=255).cycle().take(5000).collect();
    let source = Memory::default()
        .with_unreadable("/d/denied.conf")
        .with_executable("/d/script.sh", "#!/bin/sh\n")
        .with("/d/junk.conf", junk)
        .with("/d/utf16.conf", [0xff, 0xfe, b'a', 0])
        .with("/d/sub/x", "");
    for (line, expected) in [
        (
            "include d/denied.conf",
            "error cannot-include: cannot include `/d/denied.conf`: permission denied",
        ),
        (
            "include d/script.sh",
            "error executable-file: `/d/script.sh` is skipped, as keepalived does: it has an execute bit",
        ),
        (
            "include d/junk.conf",
            "error not-text: `/d/junk.conf` does not look like a configuration file: it holds binary data",
        ),
        (
            "include d/utf16.conf",
            "error not-text: `/d/utf16.conf` does not look like a configuration file: it seems to be UTF-16, save it as UTF-8",
        ),
        (
            "include\"d/none\"",
            "warning no-match: there is no file `d/none`",
        ),
        (
            "include d/*.none",
            "notice no-match: no file matches `d/*.none`",
        ),
        (
            "include d/none",
            "warning no-match: there is no file `d/none`",
        ),
        (
            "include d/{n,o}",
            "warning no-match: there is no file `d/{n,o}`",
        ),
        (
            "includew d/*.none",
            "error strict-include: no file matches `d/*.none`",
        ),
        (
            "includeb d/sub/{x,y}",
            "error strict-include: there is no file `d/sub/y`",
        ),
        (
            "include [",
            "warning cannot-include: `[` is not a pattern for file names: invalid range pattern",
        ),
        (
            "include",
            "warning missing-parameter: `include` needs the name of a file or a pattern",
        ),
        (
            "include d/sub/x d/sub/y",
            "warning extra-words: only one pattern is read from an include line",
        ),
    ] {
        let source = source.clone().with("/main", format!("{line}\n"));
        let loaded = load(&source, Path::new("/main"));
        let remarks = remarks(&loaded);
        assert_eq!(
            remarks.first().map(String::as_str),
            Some(expected),
            "{line}"
        );
        assert!(remarks.len() <= 2, "{line}: {remarks:?}");
    }
}

#[test]
fn a_main_file_that_cannot_be_used_is_fatal_and_draws_one_remark() {
    let source = Memory::default()
        .with_unreadable("/denied")
        .with_executable("/script", "")
        .with("/folder/x", "")
        .with(
            "/elf",
            [0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0],
        )
        .with("/large", vec![b'#'; MAX_BYTES + 1]);
    for (path, expected) in [
        (
            "/missing",
            "cannot read the configuration file `/missing`: there is no such file",
        ),
        (
            "/folder",
            "cannot read the configuration file `/folder`: it is a directory",
        ),
        (
            "/denied",
            "cannot read the configuration file `/denied`: permission denied",
        ),
        (
            "/script",
            "`/script` has an execute bit: keepalived skips such a file",
        ),
        (
            "/elf",
            "`/elf` does not look like a configuration file: it holds binary data",
        ),
        (
            "/large",
            "cannot read the configuration file `/large`: it is too large: more than 67108864 bytes are left of what a configuration may have",
        ),
    ] {
        let loaded = load(&source, Path::new(path));
        let [diagnostic] = loaded.diagnostics.as_slice() else {
            panic!("{path}")
        };
        assert_eq!(diagnostic.message, expected);
        assert_eq!(diagnostic.severity, Severity::Error);
        assert_eq!(
            (loaded.is_fatal(), loaded.exit_status()),
            (true, 4),
            "{path}"
        );
    }
}
