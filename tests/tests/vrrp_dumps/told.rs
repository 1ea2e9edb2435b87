//! What scripts and FIFOs are told, beside what keepalived 2.2.7 tells them of the same changes with
//! the same file.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;

use anyhow::{Context, Result, anyhow, ensure};
use lb_tests::{Namespace, Need, Process, checked, skipped, wait_until};
use nix::sys::signal::Signal;
use tempfile::TempDir;

use super::{NEEDS, PATIENCE, lb_agent, machine};

/// Scripts that write down what they are told, each into a file of its own: keepalived's run at the
/// same time.
const SCRIPTS: [&str; 4] = ["group", "first", "first_master", "second"];

/// Two instances in a group, at intervals of 0.2 s. `at` is the folder of all files.
fn configuration(at: &Path) -> String {
    let at = at.display();
    let instance = |name: &str, vrid: u8, notify: String| {
        format!(
            "vrrp_instance {name} {{\n interface eth0\n virtual_router_id {vrid}\n version 3\n \
             priority 100\n advert_int 0.2\n {notify}\n virtual_ipaddress {{\n 10.0.0.{vrid}\n \
             }}\n}}\n"
        )
    };
    let first = format!("notify {at}/first\n notify_master \"{at}/first_master one two\"");
    let second = format!("notify \"{at}/second three\"");
    format!(
        "global_defs {{\n script_user root\n vrrp_notify_fifo {at}/fifo\n}}\n\
         vrrp_sync_group G1 {{\n group {{\n VI_1\n VI_2\n }}\n notify {at}/group\n}}\n{}{}",
        instance("VI_1", 66, first),
        instance("VI_2", 67, second)
    )
}

/// Who tells.
#[derive(Clone, Copy, Debug)]
enum Kind {
    Keepalived,
    Ours,
}

/// What one of the two has told.
struct Told {
    fifo: String,
    /// In the order of [`SCRIPTS`].
    scripts: Vec<String>,
}

impl Kind {
    fn start(self, machine: &Namespace, folder: &Path) -> Result<Process> {
        match self {
            Self::Ours => lb_agent(machine, folder, &[]),
            Self::Keepalived => {
                let log = File::create(folder.join("log"))?;
                machine.start(
                    Command::new("keepalived")
                        .args(["--vrrp", "--dont-fork", "--log-console", "--use-file"])
                        .arg(folder.join("k.conf"))
                        .arg("--pid")
                        .arg(folder.join("parent.pid"))
                        .arg("--vrrp_pid")
                        .arg(folder.join("vrrp.pid"))
                        .stdin(Stdio::null())
                        .stdout(log.try_clone()?)
                        .stderr(log),
                )
            }
        }
    }

    /// It starts, is MASTER, loses its interface, gets it back, is MASTER again, and stops.
    fn life(self) -> Result<Told> {
        let folder = TempDir::new()?;
        let at = |name: &str| folder.path().join(name);
        fs::write(at("k.conf"), configuration(folder.path()))?;
        for name in SCRIPTS {
            let told = at(&format!("{name}.told")).display().to_string();
            fs::write(at(name), format!("#!/bin/sh\necho \"$*\" >> {told}\n"))?;
            fs::set_permissions(at(name), fs::Permissions::from_mode(0o755))?;
        }
        checked(Command::new("mkfifo").arg(at("fifo")))?;
        // Open at both ends from the beginning: nobody waits for anybody.
        let fifo = OpenOptions::new().read(true).write(true).open(at("fifo"))?;
        let machine = machine()?;
        let reader = Command::new("cat")
            .stdin(fifo)
            .stdout(File::create(at("fifo.read"))?)
            .spawn()?;
        let _reader = Process::from(reader);

        let read = |name: &str| fs::read_to_string(at(name)).unwrap_or_default();
        let wait_for = |line: &str, times: usize| {
            let seen = || read("fifo.read").lines().filter(|it| *it == line).count();
            wait_until(PATIENCE, || (seen() >= times).then_some(()))
                .with_context(|| format!("{self:?}: {line} {times} times: {}", read("fifo.read")))
        };
        let mut process = self.start(&machine, folder.path())?;
        wait_for("GROUP \"G1\" MASTER 0", 1)?;
        machine.ip("link set dev eth0 down")?;
        wait_for("GROUP \"G1\" FAULT 0", 1)?;
        machine.ip("link set dev eth0 up")?;
        wait_for("GROUP \"G1\" MASTER 0", 2)?;
        process.signal(Signal::SIGTERM)?;
        process.wait(PATIENCE)?;
        wait_for("GROUP \"G1\" STOP 0", 1)?;
        let ended = || {
            let mut files = SCRIPTS.iter().filter(|name| !name.ends_with("_master"));
            let all = files.all(|name| read(&format!("{name}.told")).contains("STOP"));
            all.then_some(())
        };
        wait_until(PATIENCE, ended).with_context(|| format!("{self:?}: a script has no STOP"))?;
        let scripts = SCRIPTS.iter().map(|name| read(&format!("{name}.told")));
        Ok(Told {
            fifo: read("fifo.read"),
            scripts: scripts.collect(),
        })
    }
}

/// The lines with those of instances in a fixed order where they come of the same change: which of
/// the two members is first depends on whose timer is.
fn in_order(fifo: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = fifo.lines().collect();
    let change = |line: &&str| {
        line.split_whitespace()
            .nth(2)
            .unwrap_or_default()
            .to_owned()
    };
    let of = |line: &&str| (line.starts_with("INSTANCE"), change(line));
    for wave in lines.chunk_by_mut(|one, two| of(one) == of(two)) {
        wave.sort_unstable();
    }
    lines
}

#[test]
fn scripts_and_a_fifo_are_told_what_keepalived_tells_them_in_its_order() -> Result<()> {
    if skipped(&NEEDS) || skipped(&[Need::Program("mkfifo")]) {
        return Ok(());
    }
    let (theirs, ours) = thread::scope(|scope| {
        let theirs = scope.spawn(|| Kind::Keepalived.life());
        let ours = Kind::Ours.life();
        let theirs = theirs.join();
        (theirs.unwrap_or_else(|_| Err(anyhow!("a panic"))), ours)
    });
    let (theirs, ours) = (theirs?, ours?);
    ensure!(theirs.fifo.lines().count() == 18, "{}", theirs.fifo);
    ensure!(
        in_order(&ours.fifo) == in_order(&theirs.fifo),
        "keepalived:\n{}\nours:\n{}",
        theirs.fifo,
        ours.fifo
    );
    let pairs = theirs.scripts.iter().zip(&ours.scripts);
    for (name, (theirs, ours)) in SCRIPTS.iter().zip(pairs) {
        ensure!(
            ours == theirs,
            "{name}: keepalived:\n{theirs}\nours:\n{ours}"
        );
    }
    Ok(())
}
