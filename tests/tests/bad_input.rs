//! What cannot be read or done is said in one message, and nothing half-done remains.

use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use anyhow::{Context, Result};
use lb_tests::{Agent, Namespace, PATIENCE, Process, Switch, built, needs, skipped, wait_until};
use nix::sys::signal::Signal;
use tempfile::{NamedTempFile, TempDir};

/// A file that cannot be a configuration, or not all of it.
struct Case {
    name: &'static str,
    /// Puts it at this path.
    make: fn(&Path) -> Result<()>,
    /// What the message must speak of, besides the path.
    says: &'static str,
    /// What the log says when `run` goes on with the rest, as keepalived does with most of these;
    /// `None`: it does not.
    runs: Option<&'static str>,
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
        runs: None,
    },
    Case {
        name: "directory",
        make: |path| Ok(fs::create_dir(path)?),
        says: "directory",
        runs: None,
    },
    Case {
        name: "unreadable",
        make: unreadable,
        says: "ermission denied",
        runs: None,
    },
    Case {
        name: "noise",
        make: noise,
        says: "binary",
        runs: None,
    },
    Case {
        name: "unknown interface",
        make: |path| spoil(path, "interface ens33", "interface ens99"),
        says: "ens99",
        runs: Some("ens99, which does not exist: the instance is in FAULT until it comes"),
    },
    Case {
        name: "unbalanced braces",
        make: |path| spoil(path, "}\n\nvirtual_server", "\nvirtual_server"),
        says: "a `}` is missing",
        runs: Some(REST_RUNS),
    },
    Case {
        name: "wrong number",
        make: |path| spoil(path, "virtual_router_id 66", "virtual_router_id 4711"),
        says: "4711",
        runs: Some(REST_RUNS),
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
        runs: Some(REST_RUNS),
    },
];

/// What the log says of a file with faults.
const REST_RUNS: &str = "has faults (`lb-agent check` shows them): what they are about is left out, \
                         the rest runs, as with keepalived; `run --strict` would start nothing";

#[test]
fn run_says_what_is_wrong_and_leaves_nothing_behind() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let switch = Switch::new("outside")?;
    let director = Namespace::new("director1")?;
    switch.plug(&director, "ens33", "192.168.159.103/24")?;
    let before = director.ip("-4 address show")?;
    let left_nothing = |name: &str| -> Result<()> {
        // Addresses, and the XDP program, if any.
        assert_eq!(director.ip("-4 address show")?, before, "{name}");
        for directory in ["/sys/fs/bpf/lb-agent", "/run/lb-agent"] {
            let left = Path::new(directory).join(director.name());
            assert!(!left.exists(), "{name}: {} remains", left.display());
        }
        Ok(())
    };
    for case in &CASES {
        let name = case.name;
        let (_directory, file) = case.file()?;
        let mut agent = Try::start(&director, &file, &[])?;
        if let Some(says) = case.runs {
            agent.wait_for(says, name)?;
            let status = Path::new("/run/lb-agent")
                .join(director.name())
                .join("status.json");
            wait_until(PATIENCE, || status.exists().then_some(()))
                .with_context(|| format!("{name}: it does not run:\n{}", agent.said()))?;
            let (status, said) = agent.terminate()?;
            assert!(status.success(), "{name}: {status}\n{said}");
            judge(case, &file, &said);
            left_nothing(name)?;
            agent = Try::start(&director, &file, &["--strict"])?;
            // An interface may come; nothing is wrong with the file.
            if says != REST_RUNS {
                agent.wait_for(says, name)?;
                agent.terminate()?;
                continue;
            }
        }
        let (status, said) = agent.wait()?;
        assert!(
            status.code().is_some_and(|code| code != 0),
            "{name}: {status}\n{said}"
        );
        judge(case, &file, &said);
        assert!(said.contains("nothing was started"), "{name}:\n{said}");
        left_nothing(name)?;
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
        let (_directory, file) = case.file()?;
        let mut command = without_rights(&["check"], &file)?;
        let output = director.enter(|| command.output().context("cannot start setpriv"))?;
        let said =
            String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
        judge(case, &file, &said);
        let status = output.status.code();
        assert!(
            status.is_some_and(|code| code != 0),
            "{}: {status:?}",
            case.name
        );
        // One thing was spoiled: there is one remark, and one on what is left out for it, if
        // that is more.
        let mut command = without_rights(&["check", "--format", "json"], &file)?;
        let output = director.enter(|| command.output().context("cannot start setpriv"))?;
        let said: serde_json::Value = serde_json::from_slice(&output.stdout)
            .with_context(|| format!("{}: no JSON", case.name))?;
        let remarks = said["remarks"].as_array().context("no remarks")?;
        let errors = remarks
            .iter()
            .filter(|it| it["severity"] == "error")
            .count();
        assert!(remarks.len() <= 2 && errors <= 1, "{}: {said:#}", case.name);
        assert!(!remarks.is_empty(), "{}: nothing is said", case.name);
    }
    Ok(())
}

#[test]
fn check_needs_no_rights() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let switch = Switch::new("outside")?;
    let director = Namespace::new("director1")?;
    switch.plug(&director, "ens33", "192.168.159.103/24")?;
    let mut file = NamedTempFile::new()?;
    file.write_all(GOOD.as_bytes())?;
    fs::set_permissions(file.path(), fs::Permissions::from_mode(0o644))?;
    let mut command = Command::new("setpriv");
    command
        .args(["--reuid=65534", "--regid=65534", "--clear-groups"])
        .args(["--inh-caps=-all", "--bounding-set=-all"])
        .arg(built::lb_agent()?)
        .args(["check", "--strict", "--config"])
        .arg(file.path());
    let output = director.enter(|| command.output().context("cannot start setpriv"))?;
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {said}", output.status);
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

impl Case {
    /// Its file, in a directory of its own.
    fn file(&self) -> Result<(TempDir, PathBuf)> {
        let directory = tempfile::tempdir()?;
        let file = directory.path().join("keepalived.conf");
        (self.make)(&file).with_context(|| self.name)?;
        Ok((directory, file))
    }
}

/// `lb-agent <task> --config <file>` without the right to read what is forbidden: root reads
/// everything by two capabilities, without them it is an owner like any other.
fn without_rights(task: &[&str], file: &Path) -> Result<Command> {
    let mut command = Command::new("setpriv");
    command.arg("--bounding-set=-dac_override,-dac_read_search");
    command.arg(built::lb_agent()?).args(task);
    command.arg("--config").arg(file);
    Ok(command)
}

/// `lb-agent run`, and what it says.
struct Try {
    process: Process,
    said: NamedTempFile,
}

impl Try {
    fn start(director: &Namespace, file: &Path, arguments: &[&str]) -> Result<Self> {
        let said = NamedTempFile::new()?;
        let mut command = without_rights(&["run", "--instance", director.name()], file)?;
        command
            .args(arguments)
            .stdout(said.reopen()?)
            .stderr(said.reopen()?);
        let process = director.start(&mut command)?;
        Ok(Self { process, said })
    }

    fn said(&self) -> String {
        fs::read_to_string(self.said.path()).unwrap_or_default()
    }

    fn wait_for(&self, text: &str, name: &str) -> Result<()> {
        wait_until(PATIENCE, || self.said().contains(text).then_some(()))
            .with_context(|| format!("{name}: no {text:?} in:\n{}", self.said()))
    }

    fn terminate(mut self) -> Result<(ExitStatus, String)> {
        self.process.signal(Signal::SIGTERM)?;
        self.wait()
    }

    fn wait(mut self) -> Result<(ExitStatus, String)> {
        let status = self.process.wait(PATIENCE).with_context(|| self.said())?;
        Ok((status, self.said()))
    }
}

/// A message that names the file and the matter, and is short; no panic.
fn judge(case: &Case, file: &Path, said: &str) {
    let (name, path) = (case.name, file.display().to_string());
    assert!(!said.contains("panicked"), "{name}: {said}");
    assert!(said.contains(&path), "{name}: no path in:\n{said}");
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
