//! What cannot be read or done is said in one message, and nothing half-done remains.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context, Result};
use lb_tests::{Agent, Namespace, PATIENCE, Switch, built, needs, skipped};

/// A file that cannot be a configuration, or not all of it.
struct Case {
    name: &'static str,
    /// Puts it at this path.
    make: fn(&Path) -> Result<()>,
    /// What the message must speak of, besides the path.
    says: &'static str,
    /// As keepalived does, `run` says what it could not understand and does the rest.
    runs: bool,
}

/// The configuration that is spoiled. There is nothing to say about it.
const GOOD: &str = "\
vrrp_instance VI_1 {
    state MASTER
    interface ens33
    virtual_router_id 66
    priority 100
    virtual_ipaddress {
        192.168.159.200
    }
}

virtual_server 192.168.159.200 80 {
    lb_algo wrr
    lb_kind DR
    protocol TCP
    real_server 192.168.159.105 80 {
        weight 1
        TCP_CHECK {
            connect_timeout 1
        }
    }
}
";

const CASES: [Case; 8] = [
    Case {
        name: "missing",
        make: |_| Ok(()),
        says: "no such file",
        runs: false,
    },
    Case {
        name: "directory",
        make: |path| Ok(fs::create_dir(path)?),
        says: "directory",
        runs: false,
    },
    Case {
        name: "unreadable",
        make: unreadable,
        says: "ermission denied",
        runs: false,
    },
    Case {
        name: "noise",
        make: noise,
        says: "binary",
        runs: false,
    },
    Case {
        name: "unknown interface",
        make: |path| spoil(path, "interface ens33", "interface ens99"),
        says: "ens99",
        runs: true,
    },
    Case {
        name: "unbalanced braces",
        make: |path| spoil(path, "}\n\nvirtual_server", "\nvirtual_server"),
        says: "a `}` is missing",
        runs: true,
    },
    Case {
        name: "wrong number",
        make: |path| spoil(path, "virtual_router_id 66", "virtual_router_id 4711"),
        says: "4711",
        runs: true,
    },
    Case {
        name: "address of the other family",
        make: |path| {
            spoil(
                path,
                "virtual_server 192.168.159.200",
                "virtual_server 2001:db8::1",
            )
        },
        says: "2001:db8::1",
        runs: true,
    },
];

/// Status of timeout(1) when the program did not end by itself.
const TIMED_OUT: i32 = 124;

#[test]
fn run_says_what_is_wrong_and_leaves_nothing_behind() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let switch = Switch::new("outside")?;
    let director = Namespace::new("director1")?;
    switch.plug(&director, "ens33", "192.168.159.103/24")?;
    let before = director.ip("-4 address show")?;
    for case in &CASES {
        let (path, output) = try_out(&director, case, "run")?;
        judge(case, &path, &output);
        let timed_out = output.status.code() == Some(TIMED_OUT);
        assert_eq!(timed_out, case.runs, "{}: {}", case.name, output.status);
        // Addresses, and the XDP program, if any.
        assert_eq!(director.ip("-4 address show")?, before, "{}", case.name);
        for directory in ["/sys/fs/bpf/lb-agent", "/run/lb-agent"] {
            let left = Path::new(directory).join(director.name());
            assert!(!left.exists(), "{}: {} remains", case.name, left.display());
        }
    }
    Ok(())
}

#[test]
fn check_says_what_is_wrong() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let switch = Switch::new("outside")?;
    let director = Namespace::new("director1")?;
    switch.plug(&director, "ens33", "192.168.159.103/24")?;
    for case in &CASES {
        let (path, output) = try_out(&director, case, "check")?;
        judge(case, &path, &output);
        assert_ne!(output.status.code(), Some(TIMED_OUT), "{}", case.name);
    }
    Ok(())
}

#[test]
fn a_second_agent_of_the_same_name_is_refused_and_disturbs_nothing() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let switch = Switch::new("outside")?;
    let director = Namespace::new("director1")?;
    switch.plug(&director, "ens33", "192.168.159.103/24")?;
    let mut first = Agent::start(&director, GOOD)?;
    first.wait_for("Entering MASTER STATE", PATIENCE)?;
    let before = first.dump("backends")?;

    let second = Agent::start(&director, GOOD)?.wait(PATIENCE)?;
    assert_eq!(second.status.code(), Some(1), "{}", second.log);
    let named = format!(
        "another lb-agent (process {}) runs as instance `{}`",
        first.id(),
        director.name()
    );
    assert!(second.log.contains(&named), "{}", second.log);
    assert!(director.has_address("192.168.159.200")?);
    assert_eq!(first.dump("backends")?, before);
    let exit = first.terminate()?;
    assert!(exit.status.success(), "{}", exit.log);
    Ok(())
}

/// Runs `lb-agent <task>` with the file of a case, without the right to read what is forbidden.
fn try_out(director: &Namespace, case: &Case, task: &str) -> Result<(String, Output)> {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("keepalived.conf");
    (case.make)(&file).with_context(|| case.name)?;
    // What still runs after some seconds gets SIGTERM.
    let mut command = Command::new("timeout");
    // Root reads everything by two capabilities; without them it is an owner like any other.
    command.args([
        "4",
        "setpriv",
        "--bounding-set=-dac_override,-dac_read_search",
    ]);
    command
        .arg(built::lb_agent()?)
        .arg(task)
        .arg("--config")
        .arg(&file);
    if task == "run" {
        command.args(["--instance", director.name()]);
    }
    let output = director.enter(|| command.output().context("cannot start setpriv"))?;
    Ok((file.display().to_string(), output))
}

/// A message that names the file and the matter, and is short; a status that is not success; no
/// panic.
fn judge(case: &Case, path: &str, output: &Output) {
    let name = case.name;
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.code().is_some_and(|code| code != 0),
        "{name}: {}",
        output.status
    );
    assert!(!said.contains("panicked"), "{name}: {said}");
    assert!(said.contains(path), "{name}: no path in:\n{said}");
    assert!(
        said.contains(case.says),
        "{name}: no {:?} in:\n{said}",
        case.says
    );
    let message = said
        .lines()
        .take_while(|line| !line.contains("Starting"))
        .count();
    assert!(message <= 16, "{name}: {message} lines:\n{said}");
}

/// Writes [`GOOD`] with one thing replaced.
fn spoil(path: &Path, good: &str, bad: &str) -> Result<()> {
    assert!(GOOD.contains(good), "there is no {good:?} to spoil");
    Ok(fs::write(path, GOOD.replacen(good, bad, 1))?)
}

/// A configuration that nobody may read.
fn unreadable(path: &Path) -> Result<()> {
    fs::write(path, GOOD)?;
    Ok(fs::set_permissions(
        path,
        fs::Permissions::from_mode(0o000),
    )?)
}

/// Ten megabytes of noise, the same in each run (xorshift64*, Vigna 2016).
fn noise(path: &Path) -> Result<()> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let bytes: Vec<u8> = (0..10 << 17)
        .flat_map(|_| {
            state ^= state >> 12;
            state ^= state << 25;
            state ^= state >> 27;
            state.wrapping_mul(0x2545_f491_4f6c_dd1d).to_le_bytes()
        })
        .collect();
    Ok(fs::write(path, bytes)?)
}
