//! The tutorials' drills: what two directors track moves the MASTER, and scripts and FIFOs hear of
//! it.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, ensure};
use lb_tests::{Agent, Namespace, Need, PATIENCE, skipped, wait_until};
use tempfile::TempDir;

const NEEDS: [Need; 3] = [Need::Root, Need::Namespaces, Need::Program("ip")];

const VIP: &str = "192.168.159.200";

/// Two directors on a cable between two interfaces called `ens33`, as in the tutorials, and a
/// folder for what they write.
struct Pair {
    machines: [Namespace; 2],
    folder: TempDir,
}

impl Pair {
    fn new() -> Result<Self> {
        let machines = [Namespace::new("ka-1")?, Namespace::new("ka-2")?];
        let pair = Self {
            machines,
            folder: TempDir::new()?,
        };
        pair.cable("ens33", 159)?;
        for number in 0..2 {
            let script = pair.file(number, "notify.sh");
            let log = pair.file(number, "told");
            fs::create_dir(pair.folder_of(number))?;
            let text = format!("#!/bin/sh\necho \"$@\" >> {}\n", log.display());
            fs::write(&script, text)?;
            fs::set_permissions(&script, fs::Permissions::from_mode(0o755))?;
        }
        Ok(pair)
    }

    /// A cable between the interfaces `name`, with the addresses 192.168.NET.103 and .104.
    fn cable(&self, name: &str, net: u8) -> Result<()> {
        let [one, two] = &self.machines;
        let other = two.name();
        one.ip(&format!(
            "link add name {name} type veth peer name {name} netns {other}"
        ))?;
        for (machine, host) in [(one, 103), (two, 104)] {
            machine.ip(&format!("address add 192.168.{net}.{host}/24 dev {name}"))?;
            machine.ip(&format!("link set dev {name} up"))?;
        }
        // The kernel looks at carriers once a second; until then it would be FAULT.
        let is_up = |machine: &Namespace| {
            let shown = machine.ip(&format!("link show dev {name}"));
            shown.is_ok_and(|shown| shown.contains("state UP"))
        };
        wait_until(PATIENCE, || (is_up(one) && is_up(two)).then_some(()))
            .with_context(|| format!("{name} does not come up"))
    }

    fn machine(&self, number: usize) -> &Namespace {
        let [one, two] = &self.machines;
        if number == 0 { one } else { two }
    }

    fn folder_of(&self, number: usize) -> PathBuf {
        self.folder.path().join(format!("ka-{}", number + 1))
    }

    fn file(&self, number: usize, name: &str) -> PathBuf {
        self.folder_of(number).join(name)
    }

    /// Starts an agent; `/etc/keepalived` in its configuration is the director's folder.
    fn start(&self, number: usize, configuration: &str) -> Result<Agent> {
        let folder = self.folder_of(number);
        let text = configuration.replace("/etc/keepalived", &folder.display().to_string());
        Agent::start(self.machine(number), &text)
    }

    /// Both agents with an instance of 0.2 s: the first has priority 100 and `lines`, the second 80.
    fn at_work(&self, lines: &str, blocks: &str) -> Result<[Agent; 2]> {
        let instance = |priority, lines: &str| {
            format!(
                "vrrp_instance VI_1 {{\ninterface ens33\nvirtual_router_id 66\nversion 3\n\
                 advert_int 0.2\npriority {priority}\nvirtual_ipaddress {{\n{VIP}\n}}\n{lines}\n}}"
            )
        };
        let first = format!("{blocks}\n{}", instance(100, lines));
        let agents = [self.start(0, &first)?, self.start(1, &instance(80, ""))?];
        self.wait_for_master(0)?;
        Ok(agents)
    }

    /// Waits until this director, and not the other, has the virtual address.
    fn wait_for_master(&self, number: usize) -> Result<()> {
        self.wait_for(VIP, number)
    }

    fn wait_for(&self, address: &str, number: usize) -> Result<()> {
        let has = |number: usize| self.machine(number).has_address(address).unwrap_or(false);
        wait_until(PATIENCE, || (has(number) && !has(1 - number)).then_some(()))
            .with_context(|| format!("{address} does not come to ka-{}", number + 1))
    }

    /// What the scripts of a director were told, line by line.
    fn told(&self, number: usize) -> Vec<String> {
        let told = fs::read_to_string(self.file(number, "told")).unwrap_or_default();
        told.lines().map(Into::into).collect()
    }
}

/// Waits until `dump vrrp` has `text`: what it shows is at most a second old.
fn shows(agent: &Agent, text: &str) -> Result<()> {
    let dump = || agent.dump("vrrp").unwrap_or_default();
    wait_until(PATIENCE, || dump().contains(text).then_some(()))
        .with_context(|| format!("no {text:?} in {}", dump()))
}

/// A file of the tutorials as it is.
fn tutorial(name: &str) -> Result<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs/tutorials");
    fs::read_to_string(folder.join(name)).context("no such tutorial")
}

#[test]
fn the_tutorials_script_moves_the_master_there_and_back() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let pair = Pair::new()?;
    let first = tutorial("004_21_L2337.conf")?;
    let second = first
        .replace("state MASTER", "state BACKUP")
        .replace("priority 100", "priority 80")
        .replace("router_id ka-1", "router_id ka-2")
        .replace("192.168.159.103", "192.168.159.000")
        .replace("192.168.159.104", "192.168.159.103")
        .replace("192.168.159.000", "192.168.159.104");
    // The script succeeds while the file is there: without it 30 is taken off.
    for number in 0..2 {
        fs::write(pair.file(number, "down"), "")?;
    }
    let mut agents = [pair.start(0, &first)?, pair.start(1, &second)?];
    pair.wait_for_master(0)?;
    fs::remove_file(pair.file(0, "down"))?;
    pair.wait_for_master(1)?;
    for line in [
        "Script `check_down` now returning 1",
        "VRRP_Script(check_down) failed (exited with status 1)",
        "(VI_1) Changing effective priority from 100 to 70",
        "(VI_1) Master received advert from 192.168.159.104 with higher priority 80, ours 70",
    ] {
        agents[0].wait_for(line, PATIENCE)?;
    }
    shows(&agents[0], "Effective priority = 70")?;
    shows(&agents[0], "script check_down = down, weight -30: -30")?;
    fs::write(pair.file(0, "down"), "")?;
    pair.wait_for_master(0)?;
    for agent in agents {
        ensure!(agent.terminate()?.status.success());
    }
    assert_eq!(pair.told(0), ["backup", "master", "backup", "master"]);
    assert_eq!(pair.told(1), ["backup", "master", "backup"]);
    Ok(())
}

#[test]
fn a_line_for_a_shell_means_what_it_says_and_without_a_weight_it_is_a_fault() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let pair = Pair::new()?;
    let mut agents = pair.at_work(
        "track_script {\nchk\n}\nnotify \"/etc/keepalived/notify.sh\" root",
        "vrrp_script chk {\nscript \"[ -f /etc/keepalived/down ] && exit 7 || exit 0\"\n\
         interval 0.2\nuser root\n}",
    )?;
    fs::write(pair.file(0, "down"), "")?;
    pair.wait_for_master(1)?;
    for line in [
        "VRRP_Script(chk) failed (exited with status 7)",
        "(VI_1) Entering FAULT STATE",
    ] {
        agents[0].wait_for(line, PATIENCE)?;
    }
    shows(&agents[0], "tracked script chk has failed")?;
    shows(&agents[0], "script chk = down, weight 0: FAULT")?;
    fs::remove_file(pair.file(0, "down"))?;
    pair.wait_for_master(0)?;
    let [first, second] = agents;
    drop(second);
    ensure!(first.terminate()?.status.success());
    assert_eq!(
        pair.told(0),
        [
            "INSTANCE VI_1 BACKUP 100",
            "INSTANCE VI_1 MASTER 100",
            "INSTANCE VI_1 FAULT 100",
            "INSTANCE VI_1 BACKUP 100",
            "INSTANCE VI_1 MASTER 100",
            "INSTANCE VI_1 STOP 100"
        ]
    );
    Ok(())
}

#[test]
fn a_script_that_hangs_is_ended_with_all_it_has_started() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let pair = Pair::new()?;
    // The shell ignores SIGTERM, and so does its child: only SIGKILL of the group ends them.
    let mut agents = pair.at_work(
        "track_script {\nchk weight -30\n}",
        "vrrp_script chk {\nscript \"/bin/sh -c 'test -f /etc/keepalived/hang || exit 0; \
         trap : TERM; sleep 86398'\"\ninterval 0.5\ntimeout 1\nuser root\n}",
    )?;
    fs::write(pair.file(0, "hang"), "")?;
    pair.wait_for_master(1)?;
    agents[0].wait_for("VRRP_Script(chk) timed_out", PATIENCE)?;
    fs::remove_file(pair.file(0, "hang"))?;
    pair.wait_for_master(0)?;
    let gone = || {
        let found = Command::new("pgrep").args(["-f", "sleep 86398"]).output();
        found
            .is_ok_and(|found| !found.status.success())
            .then_some(())
    };
    wait_until(PATIENCE, gone).context("sleep still runs")
}

#[test]
fn an_insecure_script_is_named_with_the_component_and_its_mode_and_not_run() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let pair = Pair::new()?;
    let script = pair.file(0, "check.sh");
    fs::write(&script, "#!/bin/sh\nexit 1\n")?;
    fs::set_permissions(&script, fs::Permissions::from_mode(0o777))?;
    let mut agents = pair.at_work(
        "track_script {\nchk\n}",
        "global_defs {\nenable_script_security\nscript_user root\n}\n\
         vrrp_script chk {\nscript /etc/keepalived/check.sh\n}",
    )?;
    let name = script.display();
    let line = format!("Unsafe permissions found for script '{name}' - disabling. {name} has");
    agents[0].wait_for(&line, PATIENCE)?;
    agents[0].wait_for("mode 0777", PATIENCE)?;
    agents[0].wait_for("Disabling track script chk due to insecure", PATIENCE)
}

#[test]
fn the_number_in_a_file_moves_the_priority_and_far_down_it_is_a_fault() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let pair = Pair::new()?;
    let mut agents = pair.at_work(
        "track_file {\nload weight -2\n}",
        "track_file load {\nfile /etc/keepalived/load\ninit_file 0\n}",
    )?;
    let file = pair.file(0, "load");
    assert_eq!(fs::read_to_string(&file)?, "0\n");
    fs::write(&file, "15\n")?;
    pair.wait_for_master(1)?;
    let line = "(VI_1) Changing effective priority from 100 to 70";
    agents[0].wait_for(line, PATIENCE)?;
    fs::write(&file, "1")?;
    pair.wait_for_master(0)?;
    fs::write(&file, "127")?;
    pair.wait_for_master(1)?;
    agents[0].wait_for("(VI_1) Entering FAULT STATE", PATIENCE)?;
    fs::remove_file(&file)?;
    pair.wait_for_master(0)
}

#[test]
fn a_process_that_ends_takes_the_master_along() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let pair = Pair::new()?;
    let sleep = || {
        let mut command = Command::new("sleep");
        pair.machines[0].start(command.arg("86397").stdin(Stdio::null()))
    };
    let process = sleep()?;
    let mut agents = pair.at_work(
        "track_process {\ndaemon\n}",
        "vrrp_track_process daemon {\nprocess sleep 86397\n}",
    )?;
    drop(process);
    pair.wait_for_master(1)?;
    agents[0].wait_for("Quorum lost for tracked process daemon", PATIENCE)?;
    agents[0].wait_for("(VI_1) Entering FAULT STATE", PATIENCE)?;
    let _again = sleep()?;
    pair.wait_for_master(0)
}

#[test]
fn a_neighbour_that_bfd_loses_takes_the_master_along() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let pair = Pair::new()?;
    let gateway = Namespace::new("gateway")?;
    let other = gateway.name();
    let ours = &pair.machines[0];
    ours.ip(&format!(
        "link add name up type veth peer name up netns {other}"
    ))?;
    for (machine, host) in [(ours, 1), (&gateway, 2)] {
        machine.ip(&format!("address add 10.9.0.{host}/24 dev up"))?;
        machine.ip("link set dev up up")?;
    }
    let session = |ours: u8, theirs: u8| {
        format!(
            "bfd_instance GW {{\nneighbor_ip 10.9.0.{theirs}\nsource_ip 10.9.0.{ours}\n\
             min_rx 50\nmin_tx 50\nmultiplier 5\n}}"
        )
    };
    let gate = Agent::start(&gateway, &session(2, 1))?;
    let mut agents = pair.at_work("track_bfd {\nGW\n}", &session(1, 2))?;
    agents[0].wait_for("(GW) Entering Up state", PATIENCE)?;
    drop(gate.kill()?);
    pair.wait_for_master(1)?;
    agents[0].wait_for("(GW) Expired after", PATIENCE)?;
    let _back = Agent::start(&gateway, &session(2, 1))?;
    pair.wait_for_master(0)
}

#[test]
fn a_tracked_interface_takes_the_whole_sync_group_along() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let pair = Pair::new()?;
    pair.cable("ens34", 160)?;
    pair.cable("ens35", 161)?;
    let instance = |name: &str, interface: &str, vip: &str, priority: u8, lines: &str| {
        format!(
            "vrrp_instance {name} {{\ninterface {interface}\nvirtual_router_id 66\nversion 3\n\
             advert_int 0.2\npriority {priority}\nvirtual_ipaddress {{\n{vip}\n}}\n{lines}\n}}\n"
        )
    };
    let inside = "192.168.160.200";
    let both = |priority, lines| {
        instance("VI_1", "ens33", VIP, priority, lines)
            + &instance("VI_2", "ens34", inside, priority, "")
            + "vrrp_sync_group G1 {\ngroup {\nVI_1\nVI_2\n}\n\
               notify \"/etc/keepalived/notify.sh\" root\n}"
    };
    let tracked = "track_interface {\nens35\n}";
    let mut agents = [
        pair.start(0, &both(100, tracked))?,
        pair.start(1, &both(80, ""))?,
    ];
    for (state, master) in [("up", 0), ("down", 1), ("up", 0)] {
        pair.machines[0].ip(&format!("link set dev ens35 {state}"))?;
        pair.wait_for(VIP, master)?;
        pair.wait_for(inside, master)?;
    }
    for line in [
        "VRRP_Group(G1) Syncing instances to MASTER state",
        "VRRP_Group(G1) Syncing instances to FAULT state",
        "Netlink reports ens35 down",
        "(VI_2) Entering FAULT STATE",
    ] {
        agents[0].wait_for(line, PATIENCE)?;
    }
    let told = || {
        let told = pair.told(0);
        (told.len() >= 5).then_some(told)
    };
    let told = wait_until(PATIENCE, told).context("the group's script was not told")?;
    let states = ["BACKUP", "MASTER", "FAULT", "BACKUP", "MASTER"];
    assert_eq!(told, states.map(|state| format!("GROUP G1 {state} 0")));
    Ok(())
}

#[test]
fn an_interface_that_comes_later_is_a_fault_until_then() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let pair = Pair::new()?;
    let instance = format!(
        "vrrp_instance VI_1 {{\ninterface ens40\nvirtual_router_id 66\nversion 3\nadvert_int 0.2\n\
         virtual_ipaddress {{\n{VIP}\n}}\nnotify \"/etc/keepalived/notify.sh\" root\n}}"
    );
    let mut agent = pair.start(0, &instance)?;
    for line in [
        "vrrp_instance VI_1 names interface ens40, which does not exist: the instance is in FAULT \
         until it comes",
        "(VI_1) Entering FAULT STATE (init)",
    ] {
        agent.wait_for(line, PATIENCE)?;
    }
    shows(&agent, "the interface does not exist")?;
    pair.cable("ens40", 162)?;
    pair.wait_for_master(0)?;
    // And goes, and comes again.
    pair.machines[0].ip("link delete dev ens40")?;
    shows(&agent, "the interface does not exist")?;
    pair.cable("ens40", 162)?;
    pair.wait_for_master(0)?;
    ensure!(agent.terminate()?.status.success());
    let states = [
        "FAULT", "BACKUP", "MASTER", "FAULT", "BACKUP", "MASTER", "STOP",
    ];
    assert_eq!(
        pair.told(0),
        states.map(|state| format!("INSTANCE VI_1 {state} 100"))
    );
    Ok(())
}

#[test]
fn a_fifo_and_its_script_hear_of_states_and_priorities() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let pair = Pair::new()?;
    let reader = pair.file(0, "reader.sh");
    fs::write(&reader, "#!/bin/sh\nexec cat \"$1\" > \"$1.read\"\n")?;
    fs::set_permissions(&reader, fs::Permissions::from_mode(0o755))?;
    let [first, _second] = pair.at_work(
        "track_file {\nload\n}\nnotify_priority_changes",
        "global_defs {\nscript_user root\nnotify_fifo /etc/keepalived/fifo\n\
         notify_fifo_script /etc/keepalived/reader.sh\n\
         startup_script \"/etc/keepalived/notify.sh started\"\n\
         shutdown_script \"/etc/keepalived/notify.sh stopped\"\n}\n\
         track_file load {\nfile /etc/keepalived/load\n}",
    )?;
    let read = || fs::read_to_string(pair.file(0, "fifo.read")).unwrap_or_default();
    let heard = |text: &str| {
        wait_until(PATIENCE, || read().contains(text).then_some(()))
            .with_context(|| format!("no {text:?} in {}", read()))
    };
    heard("INSTANCE \"VI_1\" MASTER 100\n")?;
    fs::write(pair.file(0, "load"), "-10")?;
    heard("INSTANCE \"VI_1\" MASTER_PRIORITY 90\n")?;
    ensure!(first.terminate()?.status.success());
    assert_eq!(
        read(),
        "INSTANCE \"VI_1\" BACKUP 100\nINSTANCE \"VI_1\" MASTER 100\n\
         INSTANCE \"VI_1\" MASTER_PRIORITY 90\nINSTANCE \"VI_1\" STOP 90\n"
    );
    assert_eq!(pair.told(0), ["started", "stopped"]);
    Ok(())
}
