//! The files that signals write, and what scripts and FIFOs are told, beside those of keepalived 2.2.7
//! for the same configuration; and keepalived's command line.

use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lb_tests::{Capture, Namespace, Need, Process, built, checked, skipped, wait_until};
use nix::sys::signal::Signal;
use serde_json::{Map, Value};
use tempfile::TempDir;

#[path = "vrrp_dumps/told.rs"]
mod told;

const NEEDS: [Need; 4] = [
    Need::Root,
    Need::Namespaces,
    Need::Program("ip"),
    Need::Program("keepalived"),
];

const PATIENCE: Duration = Duration::from_secs(30);

/// Real-time signals have no names: SIGRTMIN + 2.
const JSON: &str = "36";

/// A machine with `eth0` up.
fn machine() -> Result<Namespace> {
    let machine = Namespace::new("dumps")?;
    machine.ip("link add name eth0 type veth peer name far")?;
    machine.ip("link set dev far up")?;
    machine.ip("link set dev eth0 addrgenmode none up")?;
    machine.ip("address add 10.0.0.1/24 dev eth0")?;
    Ok(machine)
}

/// The same file for both: what 2.2.7 does not know it passes over.
fn configuration(folder: &Path) -> String {
    let file = |name: &str| folder.join(name).display().to_string();
    let (data, stats, json) = (file("ours.data"), file("ours.stats"), file("ours.json"));
    format!(
        r"
global_defs {{
    router_id A
    state_dump_file {data}
    stats_dump_file {stats}
    json_dump_file {json}
}}
vrrp_sync_group G1 {{
    group {{
        VI_1
        VI_2
    }}
}}
vrrp_instance VI_1 {{
    state BACKUP
    interface eth0
    virtual_router_id 66
    priority 100
    advert_int 1
    authentication {{
        auth_type PASS
        auth_pass 12345678
    }}
    virtual_ipaddress {{
        10.0.0.100/24
        10.0.0.101
    }}
    virtual_ipaddress_excluded {{
        fd00::100
    }}
    track_interface {{
        far
    }}
    garp_master_refresh 60
}}
vrrp_instance VI_2 {{
    state BACKUP
    interface eth0
    virtual_router_id 67
    version 3
    priority 100
    advert_int 0.5
    nopreempt
    virtual_ipaddress {{
        10.0.0.102/32 label eth0:x
    }}
}}
"
    )
}

/// keepalived with a /tmp of its own, which is `folder`: its names cannot be chosen.
fn keepalived(machine: &Namespace, folder: &Path) -> Result<Process> {
    let log = File::create(folder.join("log"))?;
    machine.start(
        Command::new("unshare")
            .args(["--mount", "sh", "-c"])
            .arg(
                "mount --bind \"$0\" /tmp && exec keepalived --vrrp --dont-fork --log-console \
                 --use-file /tmp/k.conf --pid /tmp/parent.pid --vrrp_pid /tmp/vrrp.pid",
            )
            .arg(folder)
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log),
    )
}

/// lb-agent with keepalived's switches.
fn lb_agent(machine: &Namespace, folder: &Path, switches: &[&str]) -> Result<Process> {
    let log = File::create(folder.join("agent.log"))?;
    machine.start(
        Command::new(built::lb_agent()?)
            .args(["-n", "-l", "-D", "-P", "-f"])
            .arg(folder.join("k.conf"))
            .arg("-p")
            .arg(folder.join("agent.pid"))
            .args(["--instance", machine.name()])
            .args(switches)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log),
    )
}

fn wait_for_address(machine: &Namespace, address: &str) -> Result<()> {
    let there = || matches!(machine.has_address(address), Ok(true)).then_some(());
    wait_until(PATIENCE, there).with_context(|| format!("{address} does not come"))
}

/// Sends a signal to the process whose id is in a file, and reads what it writes.
fn ask(pid: &Path, signal: &str, answer: &Path) -> Result<String> {
    let pid = fs::read_to_string(pid)?;
    checked(Command::new("kill").args([&format!("-{signal}"), pid.trim()]))?;
    let written = || fs::read_to_string(answer).ok().filter(|it| !it.is_empty());
    wait_until(PATIENCE, written).with_context(|| format!("{} is not written", answer.display()))
}

/// What each of the two writes: data, stats, JSON.
fn both() -> Result<[[String; 3]; 2]> {
    let folder = TempDir::new()?;
    let at = |name: &str| folder.path().join(name);
    fs::write(at("k.conf"), configuration(folder.path()))?;
    let machine = machine()?;
    let mut theirs = keepalived(&machine, folder.path())?;
    wait_for_address(&machine, "10.0.0.102")?;
    wait_for_address(&machine, "10.0.0.101")?;
    // The file is written line by line; the last ones are ours to wait for.
    let pid = at("parent.pid");
    ask(&pid, "USR1", &at("keepalived.data"))?;
    ask(&pid, "USR2", &at("keepalived.stats"))?;
    ask(&pid, JSON, &at("keepalived.json"))?;
    std::thread::sleep(Duration::from_secs(1));
    let read = |name: &str| fs::read_to_string(at(name));
    let keepalived = [
        read("keepalived.data")?,
        read("keepalived.stats")?,
        read("keepalived.json")?,
    ];
    theirs.signal(Signal::SIGTERM)?;
    theirs.wait(PATIENCE)?;

    let mut ours = lb_agent(&machine, folder.path(), &[])?;
    wait_for_address(&machine, "10.0.0.102")?;
    wait_for_address(&machine, "10.0.0.101")?;
    let pid = at("agent.pid");
    let lb_agent = [
        ask(&pid, "USR1", &at("ours.data"))?,
        ask(&pid, "USR2", &at("ours.stats"))?,
        ask(&pid, JSON, &at("ours.json"))?,
    ];
    ours.signal(Signal::SIGTERM)?;
    ensure!(ours.wait(PATIENCE)?.success());
    ensure!(!pid.exists(), "the file with the process id stays behind");
    Ok([keepalived, lb_agent])
}

/// Every line of ours about the instances is one of keepalived's, in its order.
fn compare_data(theirs: &str, ours: &str) -> Result<()> {
    let topology = |text: &str| -> Vec<String> {
        let lines = text
            .lines()
            .skip_while(|line| !line.contains("VRRP Topology"));
        let lines =
            lines.take_while(|line| !line.contains("Sockpool") && !line.contains("Sync groups"));
        // Of the moment.
        let lines = lines.filter(|line| !line.contains("Last transition"));
        lines.map(str::to_owned).collect()
    };
    let (theirs, ours) = (topology(theirs), topology(ours));
    ensure!(ours.len() > 40, "{ours:#?}");
    let mut rest = theirs.iter();
    for line in &ours {
        ensure!(
            rest.any(|it| it == line),
            "keepalived does not have {line:?}, or not there:\n{theirs:#?}"
        );
    }
    Ok(())
}

fn objects(text: &str) -> Result<Vec<Map<String, Value>>> {
    Ok(serde_json::from_str(text)?)
}

/// Keys in the order in which they stand in the text.
fn keys(text: &str) -> Vec<String> {
    let pieces = text
        .split("\":")
        .filter_map(|piece| piece.rsplit('"').next());
    let mut keys: Vec<String> = pieces.map(str::to_owned).collect();
    keys.pop();
    keys
}

fn compare_json(theirs: &str, ours: &str) -> Result<()> {
    ensure!(
        keys(theirs) == keys(ours),
        "{:?}\n{:?}",
        keys(theirs),
        keys(ours)
    );
    let (theirs, ours) = (objects(theirs)?, objects(ours)?);
    for (theirs, ours) in theirs.iter().zip(&ours) {
        for part in ["data", "stats"] {
            let [theirs, ours] = [theirs, ours].map(|it| it.get(part).and_then(Value::as_object));
            for (key, value) in theirs.context("no such part")? {
                let ours = ours.and_then(|ours| ours.get(key));
                // Of the moment; and a password is not shown here.
                let differs = ["last_transition", "advert_sent", "auth_data"];
                ensure!(
                    differs.contains(&key.as_str()) || ours == Some(value),
                    "{key}: keepalived {value}, ours {ours:?}"
                );
            }
        }
    }
    Ok(())
}

#[test]
fn the_files_of_the_signals_are_those_of_keepalived() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let [
        [their_data, their_stats, their_json],
        [our_data, our_stats, our_json],
    ] = both()?;
    compare_data(&their_data, &our_data)?;
    compare_json(&their_json, &our_json)?;
    let without_sent = |text: &str| -> Vec<String> {
        let lines = text.lines().filter(|line| !line.contains("    Sent: "));
        lines.map(str::to_owned).collect()
    };
    ensure!(
        without_sent(&their_stats) == without_sent(&our_stats),
        "{their_stats}\n{our_stats}"
    );
    Ok(())
}

#[test]
fn with_dont_release_vrrp_the_addresses_stay_and_nobody_is_told() -> Result<()> {
    if skipped(&NEEDS) || skipped(&[Need::Program("tcpdump")]) {
        return Ok(());
    }
    let folder = TempDir::new()?;
    fs::write(folder.path().join("k.conf"), configuration(folder.path()))?;
    let machine = machine()?;
    let mut agent = lb_agent(&machine, folder.path(), &["-V"])?;
    wait_for_address(&machine, "10.0.0.101")?;
    let wire = Capture::start(&machine, "eth0", "inout", "ip proto 112")?;
    agent.signal(Signal::SIGTERM)?;
    ensure!(agent.wait(PATIENCE)?.success());
    let frames = wire.finish()?;
    let released = |frame: &lb_tests::Frame| frame.bytes.get(36) == Some(&0);
    ensure!(!frames.iter().any(released), "priority 0 was sent");
    ensure!(machine.has_address("10.0.0.101")?, "the address is gone");
    Ok(())
}

#[test]
fn a_configuration_is_tested_as_keepalived_does_it() -> Result<()> {
    let folder = TempDir::new()?;
    let file = |name: &str, text: &str| -> Result<std::path::PathBuf> {
        let path = folder.path().join(name);
        fs::write(&path, text)?;
        Ok(path)
    };
    let good = file(
        "good",
        "global_defs {\ndynamic_interfaces\n}\nvrrp_instance A {\ninterface eth9\nvirtual_router_id 1\n\
         virtual_ipaddress {\n10.0.0.1\n}\n}\n",
    )?;
    let missing = file("missing", "vrrp_instance A {\ninterface\n}\n")?;
    let test = |path: &Path, switches: &[&str]| -> Result<Option<i32>> {
        let mut command = Command::new(built::lb_agent()?);
        let output = command.args(switches).arg("-f").arg(path).output()?;
        Ok(output.status.code())
    };
    ensure!(test(&good, &["-t"])? == Some(0));
    ensure!(test(&missing, &["-t"])? == Some(2), "keepalived has 2, too");
    let log = folder.path().join("log");
    let switch = format!("-t={}", log.display());
    ensure!(test(&missing, &[&switch])? == Some(2));
    ensure!(fs::read_to_string(log)?.contains("interface"));
    let numbers = ["DATA", "JSON"].map(|name| -> Result<String> {
        checked(Command::new(built::lb_agent()?).arg(format!("--signum={name}")))
    });
    let [data, json] = numbers;
    ensure!(data?.trim() == "10" && json?.trim() == "36");
    Ok(())
}
