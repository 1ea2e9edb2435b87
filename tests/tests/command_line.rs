//! What a person types and a shell completes. Needs no rights.

use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context as _, Result};
use lb_tests::{Namespace, Need, built, checked, skipped};

fn lb_agent(arguments: &[&str]) -> Result<Output> {
    let mut command = Command::new(built::lb_agent()?);
    command.args(arguments);
    command.output().context("cannot start lb-agent")
}

/// What bash proposes for the last of these words.
fn proposed(words: &[&str]) -> Result<Vec<String>> {
    let folder = tempfile::tempdir()?;
    let completions = lb_agent(&["completions", "bash"])?;
    let file = folder.path().join("lb-agent");
    fs::write(&file, &completions.stdout)?;
    let script = "
source \"$1\"
complete_it=$(sed -n 's/.*complete -F \\([^ ]*\\) .*/\\1/p' \"$1\" | head -n 1); shift
COMP_WORDS=(\"$@\"); COMP_CWORD=$(($# - 1)); COMPREPLY=()
$complete_it \"$1\" \"${COMP_WORDS[COMP_CWORD]}\" \"${COMP_WORDS[COMP_CWORD - 1]}\"
printf '%s\\n' \"${COMPREPLY[@]}\"
";
    let mut bash = Command::new("bash");
    bash.args(["--norc", "-c", script, "bash"]).arg(&file);
    let said = checked(bash.args(words))?;
    Ok(said.split_whitespace().map(str::to_owned).collect())
}

#[test]
fn bash_completes_subcommands_switches_and_the_names_of_keywords() -> Result<()> {
    if skipped(&[Need::Program("bash")]) {
        return Ok(());
    }
    let found = proposed(&["lb-agent", "re"])?;
    assert_eq!(found, ["reload"]);
    let found = proposed(&["lb-agent", "check", "--str"])?;
    assert_eq!(found, ["--strict"]);
    let found = proposed(&["lb-agent", "keyword", "vrrp_garp_master_r"])?;
    assert_eq!(
        found,
        [
            "vrrp_garp_master_refresh",
            "vrrp_garp_master_refresh_repeat",
            "vrrp_garp_master_repeat"
        ]
    );
    Ok(())
}

#[test]
fn a_keyword_is_explained_and_a_wrong_one_gets_the_nearest() -> Result<()> {
    let output = lb_agent(&["keyword", "nb_get_retry"])?;
    assert!(output.status.success());
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(text.contains("HTTP_GET"), "{text}");
    let output = lb_agent(&["keyword", "priorty"])?;
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("did you mean `priority`?"), "{text}");
    Ok(())
}

const FILE: &str = "
global_defs {
    script_user root
}
virtual_server 10.0.0.1 80 {
    lb_algo rr
    lb_kind DR
    protocol TCP
    real_server 10.0.0.2 80 {
        NOTIFY
        TCP_CHECK {
        }
    }
}
";

/// Exit status of `check`, and what it says as JSON.
fn check(text: &str, arguments: &[&str]) -> Result<(Option<i32>, serde_json::Value)> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("keepalived.conf");
    fs::write(&file, text)?;
    let file = file.display().to_string();
    let mut all = vec!["check", "--format", "json", "-f", &file];
    all.extend(arguments);
    let output = lb_agent(&all)?;
    let said = serde_json::from_slice(&output.stdout)?;
    Ok((output.status.code(), said))
}

const KEEPALIVED: [Need; 4] = [
    Need::Root,
    Need::Namespaces,
    Need::Program("ip"),
    Need::Program("keepalived"),
];

/// Exit status of `keepalived -t`, and of `lb-agent check`, of the same file in the same network, which
/// has an eth0.
fn both(namespace: &Namespace, text: &str) -> Result<(Option<i32>, Option<i32>)> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("keepalived.conf");
    fs::write(&file, text)?;
    let agent = built::lb_agent()?;
    let status = |program: &Path, argument: &str| {
        namespace.enter(|| {
            let mut command = Command::new(program);
            command.arg(argument).arg("-f").arg(&file);
            Ok(command.output()?.status.code())
        })
    };
    let theirs = status(Path::new("keepalived"), "-t")?;
    Ok((theirs, status(&agent, "check")?))
}

/// An instance on eth0, with more lines in it.
fn instance(name: &str, vrid: u8, lines: &str) -> String {
    format!(
        "vrrp_instance {name} {{\n    interface eth0\n    virtual_router_id {vrid}\n    \
         virtual_ipaddress {{\n        192.168.200.{vrid}\n    }}\n    {lines}\n}}\n"
    )
}

/// Files, and the status that both end with.
fn shared() -> Vec<(String, i32)> {
    let plain = FILE.replace("NOTIFY", "");
    let one = |lines: &str| instance("A", 51, lines);
    let strict = |lines: &str| format!("global_defs {{\n    vrrp_strict\n}}\n{}", one(lines));
    let global = |line: &str| format!("global_defs {{\n    {line}\n}}\n{}", one(""));
    let tracked_process = |lines: &str| {
        let tracking = one("track_process {\n P\n    }");
        format!("vrrp_track_process P {{\n    process x\n    {lines}\n}}\n{tracking}")
    };
    let tracked_file = |keyword: &str| {
        let tracking = one("track_file {\n F\n    }");
        format!("{keyword} F {{\n    file /etc/hostname\n}}\n{tracking}")
    };
    let service = |from: &str, to: &str| plain.replace(from, to);
    let security = FILE.replace("script_user", "enable_script_security\n    script_user");
    let insecure = "global_defs {\n    script_user root\n}\n".to_owned() + &one("notify /bin/true");
    let group = "vrrp_sync_group G {\n    group {\n        A\n        B\n    }\n}\n";
    let pass = "authentication {\n auth_type PASS\n auth_pass";
    vec![
        (plain.clone(), 0),
        (one(""), 0),
        (one("mcast_src_ip 192.168.200.250"), 0),
        (strict(""), 0),
        (strict("version 3\n    accept"), 0),
        (service("protocol TCP", "protocol"), 2),
        (format!("{plain}\nnonsense\n"), 5),
        (one(&format!("{pass} 1234567890\n    }}")), 5),
        (one("state MASTER\n    nopreempt"), 5),
        (one("state MASTER\n    preempt_delay 5"), 5),
        (one("nopreempt\n    preempt_delay 5"), 5),
        (one("advert_int 1.4"), 5),
        (one("unicast_src_ip 192.168.200.250"), 5),
        (one("unicast_ttl 200"), 5),
        (one("vmac_xmit_base"), 5),
        (one("track_script {\n no_such_script\n    }"), 5),
        (strict("accept"), 5),
        (strict("preempt_delay 5"), 5),
        (strict("down_timer_adverts 5"), 5),
        (strict("garp_lower_prio_repeat 3"), 5),
        (strict("garp_lower_prio_delay 3"), 5),
        (strict("higher_prio_send_advert"), 5),
        (strict("lower_prio_no_advert off"), 5),
        (strict("state MASTER\n    priority 100"), 5),
        (strict(&format!("{pass} 1234\n    }}")), 5),
        (tracked_file("vrrp_track_file"), 0),
        (tracked_file("track_file"), 0),
        (global("vrrp_rlimit_rtime 10000"), 0),
        (global("checker_rlimit_rtime 10000"), 0),
        (global("bfd_rlimit_rtime 10000"), 0),
        (global("lvs_process_name x"), 0),
        (global("vrrp_vmac_garp_intvl 5"), 5),
        (
            tracked_process("weight 5") + &instance("B", 52, "") + group,
            0,
        ),
        (tracked_process("quorum 3\n    quorum_max 2"), 5),
        (tracked_process("quorum_max 2\n    quorum 3"), 5),
        (tracked_process("quorum 1\n    quorum_max 0"), 0),
        (one("") + group, 5),
        (one("") + &instance("B", 52, "") + group, 0),
        (one("") + &instance("B", 51, ""), 5),
        (insecure + &instance("B", 51, ""), 6),
        (service("    protocol TCP\n", ""), 5),
        (service("    lb_kind DR\n", ""), 5),
        (service("    lb_algo rr\n", ""), 5),
        (service("10.0.0.2 80", "10.0.0.2 8080"), 5),
        (service("lb_algo rr", "lb_algo rr\n    quorum 9"), 5),
        (service("lb_algo rr", "lb_algo rr\n    hysteresis 5"), 5),
        (service("lb_algo rr", "lb_algo rr\n    ops"), 5),
        (
            service("TCP_CHECK {", "TCP_CHECK {\n            nb_get_retry 3"),
            5,
        ),
        (one("interface no-such-one"), 5),
        (FILE.replace("NOTIFY", "notify_up /bin/true"), 6),
        (security.replace("NOTIFY", "notify_up /bin/true"), 0),
    ]
}

#[test]
fn check_ends_with_the_status_of_keepalived_t() -> Result<()> {
    if skipped(&KEEPALIVED) {
        return Ok(());
    }
    let namespace = Namespace::new("status")?;
    namespace.ip("link add eth0 type veth peer name peer0")?;
    namespace.ip("link set eth0 up")?;
    namespace.ip("link set peer0 up")?;
    namespace.ip("address add 192.168.200.250/24 dev eth0")?;
    let mut faults = Vec::new();
    for (text, expected) in shared() {
        let found = both(&namespace, &text)?;
        if found != (Some(expected), Some(expected)) {
            faults.push(format!("{found:?}, and not {expected} twice:\n{text}"));
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    Ok(())
}

/// `docs/keepalived.md` says why.
#[test]
fn where_check_ends_otherwise_than_keepalived_t_it_is_meant() -> Result<()> {
    if skipped(&KEEPALIVED) {
        return Ok(());
    }
    let namespace = Namespace::new("other-status")?;
    namespace.ip("link add eth0 type veth peer name peer0")?;
    namespace.ip("link set eth0 up")?;
    namespace.ip("link set peer0 up")?;
    namespace.ip("address add 192.168.200.250/24 dev eth0")?;
    let plain = FILE.replace("NOTIFY", "");
    let secure = "global_defs {\n    enable_script_security\n    script_user root\n}\n";
    let script = "vrrp_script S {\n    script /bin/true\n}\n";
    let process = "vrrp_track_process P {\n    LINES\n}\n";
    let table = [
        (plain.clone() + &plain, 0, 5),
        (plain.replace("10.0.0.1 80", "group G"), 0, 5),
        (
            "global_defs {\n    vrrp_garp_interval 0\n}\n".to_owned(),
            5,
            0,
        ),
        (
            "global_defs {\n    vrrp_cpu_affinity x\n}\n".to_owned(),
            5,
            0,
        ),
        (plain.replace("lb_algo rr", "lb_algo \\\n rr"), 5, 0),
        (secure.to_owned() + script + script, 0, 5),
        (process.replace("LINES", "process x\n    process y"), 5, 0),
        (
            plain.replace("TCP_CHECK", "weight 0\n        TCP_CHECK"),
            5,
            0,
        ),
        (instance("A", 51, "native_ipv6"), 5, 0),
        (
            instance("A", 51, "unicast_fault_no_peer\n    unicast_ttl 3"),
            5,
            0,
        ),
    ];
    for (text, theirs, ours) in table {
        let found = both(&namespace, &text)?;
        assert_eq!(found, (Some(theirs), Some(ours)), "{text}");
    }
    Ok(())
}

#[test]
fn check_has_a_status_of_its_own_for_what_it_cannot_read_and_for_strict() -> Result<()> {
    let security = FILE.replace("script_user", "enable_script_security\n    script_user");
    let table = [
        ("\u{0}\u{1}".repeat(1000), 4),
        (security.replace("NOTIFY", "notify_up /no/such/script"), 0),
    ];
    for (text, expected) in table {
        let (status, said) = check(&text, &[])?;
        assert_eq!(status, Some(expected), "{said:#}\n{text}");
        assert_eq!(said.get("exit_status"), Some(&expected.into()));
    }
    let warned = security.replace("NOTIFY", "notify_up /no/such/script");
    let (status, said) = check(&warned, &["--strict"])?;
    assert_eq!(status, Some(5), "{said:#}");
    Ok(())
}

#[test]
fn a_missing_interface_and_a_missing_script_are_shown_where_they_are_named() -> Result<()> {
    let text = "vrrp_script S {\n    script /no/such/script\n}\n\
                vrrp_instance A {\n    interface no-such-one\n    virtual_router_id 7\n    \
                virtual_ipaddress {\n        10.0.0.1\n    }\n    track_script {\n        S\n    }\n}\n";
    let (_, said) = check(text, &[])?;
    let remarks = said.get("remarks").and_then(|it| it.as_array());
    let places: Vec<String> = remarks
        .context("no remarks")?
        .iter()
        .map(|one| {
            let text = |path: &str| one.pointer(path).map(ToString::to_string);
            let code = text("/code").unwrap_or_default();
            let line = text("/place/line").unwrap_or_default();
            let column = text("/place/column").unwrap_or_default();
            format!("{code} {line}:{column}")
        })
        .collect();
    assert_eq!(places, ["\"script\" 2:12", "\"missing-interface\" 5:15"]);
    Ok(())
}

/// What `genhash --help` of keepalived lists, ours takes: there is no server (1), but no option is strange (2).
#[test]
fn genhash_takes_every_option_that_keepalived_s_lists() -> Result<()> {
    if skipped(&[Need::Program("genhash")]) {
        return Ok(());
    }
    let mut help = Command::new("genhash");
    let help = help.arg("--help").output()?;
    let help = [help.stdout, help.stderr].concat();
    let help = String::from_utf8_lossy(&help).into_owned();
    let mut tried = 0;
    for line in help.lines() {
        let mut words = line.split_whitespace();
        let (Some(long), Some(short)) = (words.next(), words.next()) else {
            continue;
        };
        if !long.starts_with("--") || !short.starts_with('-') || long == "--help" {
            continue;
        }
        for option in [long, short] {
            tried += 1;
            let argument: &[&str] = match long {
                "--use-ssl" | "--use-sni" | "--verbose" => &[],
                "--protocol" => &["1.1"],
                "--url" => &["/"],
                "--server" => &["127.0.0.1"],
                _other => &["1"],
            };
            let mut arguments = vec!["genhash", option];
            arguments.extend(argument);
            if long != "--server" {
                arguments.extend(["-s", "127.0.0.1"]);
            }
            if long != "--port" {
                arguments.extend(["-p", "1"]);
            }
            let output = lb_agent(&arguments)?;
            let said = String::from_utf8_lossy(&output.stderr);
            assert_eq!(output.status.code(), Some(1), "{option}: {said}");
        }
    }
    assert!(tried >= 18, "{tried} of {help}");
    Ok(())
}

/// With `--explain` there is one document all the same.
#[test]
fn explained_for_programs_is_one_document_with_the_page_in_it() -> Result<()> {
    let (status, said) = check(&FILE.replace("NOTIFY", ""), &["--explain"])?;
    assert_eq!(status, Some(0), "{said:#}");
    let page = said.get("explained").and_then(|it| it.as_str());
    let page = page.context("no page")?;
    assert!(page.contains("virtual_server 10.0.0.1 80 {"), "{page}");
    let (_, plain) = check(&FILE.replace("NOTIFY", ""), &[])?;
    assert_eq!(plain.get("explained"), None);
    Ok(())
}

/// A group database of its own for one command: what is in it nobody else sees.
#[test]
fn a_script_with_supplementary_groups_has_all_of_its_user() -> Result<()> {
    if skipped(&[Need::Root, Need::Program("unshare"), Need::Program("id")]) {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("group");
    let groups = fs::read_to_string("/etc/group")?;
    fs::write(
        &file,
        format!("{groups}lb-one:x:54321:daemon\nlb-two:x:54322:daemon\n"),
    )?;
    let script =
        "mount --bind \"$1\" /etc/group && exec \"$2\" script-with-groups 1 34 /usr/bin/id -G";
    let mut command = Command::new("unshare");
    command
        .args(["--mount", "sh", "-c", script, "sh"])
        .arg(&file);
    let said = checked(command.arg(built::lb_agent()?))?;
    let mut found: Vec<&str> = said.split_whitespace().collect();
    found.sort_unstable();
    assert_eq!(found, ["34", "54321", "54322"]);
    Ok(())
}

/// A status would be taken for the script's own, and for a weight with `misc_dynamic`.
#[test]
fn a_script_with_supplementary_groups_that_cannot_be_run_has_no_status() -> Result<()> {
    if skipped(&[Need::Root]) {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("script");
    fs::write(&file, "#!/bin/sh\n")?;
    let not_executable = file.display().to_string();
    let end = |words: &[&str]| -> Result<_> {
        let mut all = vec!["script-with-groups"];
        all.extend(words);
        let status = lb_agent(&all)?.status;
        Ok((status.code(), status.signal()))
    };
    for words in [
        ["0", "0", "/no/such/script"],
        ["0", "0", not_executable.as_str()],
        ["root", "0", "/bin/true"],
    ] {
        assert_eq!(end(&words)?, (None, Some(9)), "{words:?}");
    }
    let own = end(&["0", "0", "/bin/sh", "-c", "exit 126"])?;
    assert_eq!(own, (Some(126), None), "the script's own stays what it is");
    Ok(())
}
