//! What a person types and a shell completes. Needs no rights.

use std::fs;
use std::process::{Command, Output};

use anyhow::{Context as _, Result};
use lb_tests::{Need, built, checked, skipped};

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

#[test]
fn check_ends_with_the_status_of_keepalived_t() -> Result<()> {
    let plain = FILE.replace("NOTIFY", "");
    let security = FILE.replace("script_user", "enable_script_security\n    script_user");
    let missing = "vrrp_instance A {\n    interface no-such-one\n    virtual_router_id 7\n}\n";
    let table = [
        (plain.clone(), 0),
        (plain.replace("protocol TCP", "protocol"), 2),
        ("\u{0}\u{1}".repeat(1000), 4),
        (format!("{plain}\nnonsense\n"), 5),
        (missing.to_owned(), 5),
        (FILE.replace("NOTIFY", "notify_up /bin/true"), 6),
        (security.replace("NOTIFY", "notify_up /bin/true"), 0),
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
