//! What cannot be read or done is said in one message, and nothing half-done remains.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, Output};

use anyhow::{Context, Result};
use lb_tests::{Layout, Mode, Namespace, Switch, built, configurations, needs, skipped};

/// A file that cannot be a configuration.
struct Case {
    name: &'static str,
    /// Puts it at this path.
    make: fn(&Path) -> Result<()>,
    /// What the message must speak of, besides the path.
    says: &'static str,
}

const CASES: [Case; 8] = [
    Case {
        name: "missing",
        make: |_| Ok(()),
        says: "no such file",
    },
    Case {
        name: "directory",
        make: |path| Ok(fs::create_dir(path)?),
        says: "directory",
    },
    Case {
        name: "unreadable",
        make: unreadable,
        says: "ermission denied",
    },
    Case {
        name: "unbalanced braces",
        make: |path| {
            write(
                path,
                &demo().replacen("}\n\nvirtual_server", "\nvirtual_server", 1),
            )
        },
        says: "}",
    },
    Case {
        name: "wrong number",
        make: |path| {
            write(
                path,
                &demo().replace("virtual_router_id 66", "virtual_router_id 4711"),
            )
        },
        says: "virtual_router_id",
    },
    Case {
        name: "unknown interface",
        make: |path| write(path, &demo().replace("interface ens33", "interface ens99")),
        says: "ens99",
    },
    Case {
        name: "address of the other family",
        make: |path| {
            write(
                path,
                &demo().replace(
                    "     192.168.159.200 dev ens33 label ens33:0",
                    "2001:db8::1",
                ),
            )
        },
        says: "2001:db8::1",
    },
    Case {
        name: "noise",
        make: noise,
        says: "",
    },
];

#[test]
fn run_says_what_is_wrong_and_leaves_nothing_behind() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let switch = Switch::new("outside")?;
    let director = Namespace::new("director1")?;
    switch.plug(&director, "ens33", "192.168.159.103/24")?;
    let before = director.ip("address show")?;
    for case in &CASES {
        let (path, output) = try_out(&director, case, "run")?;
        judge(case, &path, &output);
        // The lifetime of nothing changes by itself, so the listing must be the same.
        assert_eq!(director.ip("address show")?, before, "{}", case.name);
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
    }
    Ok(())
}

/// Runs `lb-agent <task>` with the file of a case, without the right to read what is forbidden.
fn try_out(director: &Namespace, case: &Case, task: &str) -> Result<(String, Output)> {
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("keepalived.conf");
    (case.make)(&file).with_context(|| case.name)?;
    let mut command = Command::new("timeout");
    // Root reads everything by two capabilities; without them it is an owner like any other.
    command.args([
        "20",
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

/// One message that names the file and the matter; a status that is not success; no panic.
fn judge(case: &Case, path: &str, output: &Output) {
    let name = case.name;
    let said = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert_eq!(
        output.status.code().map(|code| code != 0),
        Some(true),
        "{name}: {}",
        output.status
    );
    assert_ne!(output.status.code(), Some(124), "{name}: it runs");
    assert!(!said.contains("panicked"), "{name}: {said}");
    assert!(said.contains(path), "{name}: no path in:\n{said}");
    assert!(
        said.contains(case.says),
        "{name}: no {:?} in:\n{said}",
        case.says
    );
    assert!(
        said.lines().count() <= 12,
        "{name}: {} lines",
        said.lines().count()
    );
}

/// The configuration that the cases spoil.
fn demo() -> String {
    let [first, _] = configurations::demo(Mode::Dr);
    assert_eq!(Layout::demo(Mode::Dr).outside.interface, "ens33");
    first
}

/// Writes a text, which must be another than the one that was to be spoiled.
fn write(path: &Path, text: &str) -> Result<()> {
    assert_ne!(text, demo(), "this case spoils nothing");
    Ok(fs::write(path, text)?)
}

/// A configuration that nobody may read.
fn unreadable(path: &Path) -> Result<()> {
    fs::write(path, demo())?;
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
