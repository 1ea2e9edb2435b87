use super::*;

fn keepaliveds(line: &str) -> Switches {
    match read(words(line)).unwrap() {
        Meaning::Keepaliveds(switches) => *switches,
        Meaning::Ours(words) => panic!("{words:?}"),
    }
}

fn ours(line: &str) -> Vec<String> {
    match read(words(line)).unwrap() {
        Meaning::Ours(words) => words.iter().map(|it| it.display().to_string()).collect(),
        Meaning::Keepaliveds(switches) => panic!("{switches:?}"),
    }
}

fn words(line: &str) -> Vec<OsString> {
    line.split_whitespace().map(OsString::from).collect()
}

#[test]
fn the_lines_of_the_tutorials_are_understood() {
    // Debian's default file and unit, and what people type.
    let unit = keepaliveds("/usr/sbin/lb-agent --dont-fork -D -d -S 0");
    assert!(unit.dont_fork && unit.log_detail && unit.dump_conf);
    assert_eq!(unit.use_file, Path::new("/etc/keepalived/keepalived.conf"));
    let typed =
        keepaliveds("lb-agent -nlDPf /root/k.conf -V -I -i node1 -p /run/k.pid -r /run/v.pid");
    assert!(typed.dont_fork && typed.log_console && typed.vrrp);
    assert!(typed.dont_release_vrrp && typed.dont_release_ipvs);
    assert_eq!(typed.use_file, Path::new("/root/k.conf"));
    assert_eq!(typed.config_id.as_deref(), Some("node1"));
    assert_eq!(typed.pid_files().count(), 2);
}

#[test]
fn a_test_of_the_configuration_may_name_a_log() {
    assert_eq!(keepaliveds("keepalived -t").config_test, Some("-".into()));
    let with_log = keepaliveds("keepalived --config-test=/tmp/log -f x");
    assert_eq!(with_log.config_test, Some("/tmp/log".into()));
    assert_eq!(keepaliveds("keepalived").config_test, None);
}

/// What getopt gives keepalived for `t::`, `g::`, `M::` and `e::`.
#[test]
fn a_value_behind_its_letter_in_one_word_is_read_as_getopt_reads_it() {
    let table = [
        ("keepalived -tlog -f x", "keepalived -t=log -f x"),
        ("keepalived -t/tmp/log", "keepalived -t=/tmp/log"),
        ("keepalived -nlt/tmp/log", "keepalived -nlt=/tmp/log"),
        ("keepalived -tgMe", "keepalived -t=gMe"),
        (
            "lb-agent -g/tmp/x -Mcore -eall",
            "lb-agent -g=/tmp/x -M=core -e=all",
        ),
        // Nothing is attached, or clap's own way is taken.
        ("keepalived -t x", "keepalived -t x"),
        ("keepalived -nt -g", "keepalived -nt -g"),
        ("keepalived -t=log", "keepalived -t=log"),
        (
            "keepalived --config-test=log",
            "keepalived --config-test=log",
        ),
        // These letters are of the value of another one.
        ("keepalived -ftest -p/get", "keepalived -ftest -p/get"),
        ("keepalived -nf -test -tlog", "keepalived -nf -test -t=log"),
        ("-test -n", "-test -n"),
    ];
    for (line, expected) in table {
        let rewritten = attached::with_equals(words(line));
        assert_eq!(rewritten, words(expected), "{line}");
    }
    let with_log = keepaliveds("lb-agent -nt/tmp/log -f x");
    assert_eq!(with_log.config_test, Some("/tmp/log".into()));
    assert!(with_log.dont_fork && with_log.use_file == Path::new("x"));
    let others = keepaliveds("lb-agent -g/tmp/x -Mcore -eall -n");
    assert_eq!(others.log_file, Some("/tmp/x".into()));
    assert_eq!(others.core_dump_pattern.as_deref(), Some("core"));
    assert_eq!(others.all_config.as_deref(), Some("all"));
}

#[test]
fn our_own_commands_stay_ours() {
    for line in [
        "lb-agent",
        "lb-agent run -f x",
        "lb-agent --help",
        "lb-agent -V",
        "lb-agent --version",
    ] {
        assert_eq!(ours(line).join(" "), line);
    }
}

#[test]
fn genhash_is_there_by_switch_and_by_name() {
    for line in [
        "lb-agent -T -s 10.0.0.1 -u /",
        "/usr/bin/genhash -s 10.0.0.1 -u /",
    ] {
        assert_eq!(ours(line).join(" "), "lb-agent genhash -s 10.0.0.1 -u /");
    }
}

#[test]
fn what_has_no_effect_is_said() {
    assert!(
        keepaliveds("keepalived -n -l -D")
            .without_effect()
            .is_empty()
    );
    let said = keepaliveds("keepalived -x -R -S 0")
        .without_effect()
        .join("\n");
    for part in ["background", "-S, -G, -g", "-R", "-x, -A"] {
        assert!(said.contains(part), "{part}: {said}");
    }
}

#[test]
fn signals_have_keepaliveds_numbers() {
    let names = [
        "STOP",
        "RELOAD",
        "DATA",
        "STATS",
        "STATS_CLEAR",
        "JSON",
        "QUIT",
    ];
    let numbers = names.map(signal_number);
    let expected = [
        Some(15),
        Some(1),
        Some(10),
        Some(12),
        Some(63),
        Some(36),
        None,
    ];
    assert_eq!(numbers, expected);
}
