//! VRRP that cannot go on: what it held is released, and the agent does not go on without it.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lb_agent::config::{self, FileSystem};
use lb_agent::vrrp::settings::Setup;
use lb_agent::vrrp::{Change, Gate, News, State, driver};
use lb_tests::{
    Agent, Cluster, Layout, Mode, Namespace, PATIENCE, Switch, configurations, needs, skipped,
    wait_until,
};
use nix::sys::signal::Signal;

#[path = "vrrp_end/trace.rs"]
mod trace;
#[path = "vrrp_end/wound.rs"]
mod wound;

/// Packets of this size do not fit into a native program.
const TOO_LARGE: &str = "link add large0 mtu 9000 type veth peer name large1 mtu 9000";
const VIP: &str = "10.0.0.100";
const ALONE: &str = "\
vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 51
    priority 200
    virtual_ipaddress {
        10.0.0.100
    }
}
";

/// A director with `eth0` on a switch, where nobody else is. It goes before the switch.
fn lone_director() -> Result<(Switch, Namespace)> {
    let switch = Switch::new("outside")?;
    let director = Namespace::new("director1")?;
    switch.plug(&director, "eth0", "10.0.0.1/24")?;
    Ok((switch, director))
}

#[derive(Clone, Default)]
struct Armed(Arc<AtomicBool>);

impl Gate for Armed {
    fn arm(&self, _instance: usize) {
        self.0.store(true, Ordering::SeqCst);
    }

    fn disarm(&self, _instance: usize) {
        self.0.store(false, Ordering::SeqCst);
    }
}

#[test]
fn a_vrrp_thread_that_panics_releases_what_it_holds_and_says_that_it_has_ended() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let (_switch, director) = lone_director()?;
    let directory = tempfile::tempdir()?;
    let file = directory.path().join("keepalived.conf");
    fs::write(&file, ALONE)?;
    let setup = Setup::from(&config::load(&FileSystem, &file).config);
    let gate = Armed::default();
    let armed = Arc::clone(&gate.0);
    let (address_was_set, arms) = (Arc::new(AtomicBool::new(false)), Arc::clone(&armed));
    let was_set = Arc::clone(&address_was_set);
    let listener = move |news| {
        if let News::Changed(Change {
            to: State::Master, ..
        }) = news
        {
            was_set.store(arms.load(Ordering::SeqCst), Ordering::SeqCst);
            std::panic::panic_any("broken on purpose");
        }
    };
    let handle = director.enter(|| Ok(driver::spawn(setup, Box::new(gate), listener)?))?;
    let ended = wait_until(PATIENCE, || handle.has_ended().then_some(()));
    ended.context("the thread goes on")?;
    assert!(address_was_set.load(Ordering::SeqCst), "it was not MASTER");
    assert!(!armed.load(Ordering::SeqCst), "the gate is open");
    assert!(!director.has_address(VIP)?);
    assert!(!handle.stop(), "it cannot vouch for everything");
    Ok(())
}

#[test]
fn an_agent_whose_vrrp_thread_cannot_go_on_hands_over_and_ends() -> Result<()> {
    if skipped(&needs::SITE) || !wound::IS_POSSIBLE {
        return Ok(());
    }
    let mut cluster = Cluster::at_work(Layout::demo(Mode::Dr), configurations::demo(Mode::Dr))?;
    wound::take_epoll(cluster.agent(0)?.id(), "vrrp")?;
    let exit = cluster.take(0)?.wait(PATIENCE)?;
    assert_eq!(exit.status.code(), Some(1), "{}", exit.log);
    for said in ["VRRP cannot go on", "sent 0 priority", "start it again"] {
        assert!(exit.log.contains(said), "no {said:?} in:\n{}", exit.log);
    }
    assert!(!exit.log.contains("nothing was started"), "{}", exit.log);
    let director = &cluster.site.directors[0];
    let address = cluster.site.layout.virtual_address.to_string();
    assert!(!director.has_address(&address)?);
    director.wait_until_free("ens33")?;
    cluster.wait_for_master(1)?;
    assert_eq!(cluster.requests(20)?.failures, Vec::<String>::new());
    Ok(())
}

#[test]
fn an_agent_whose_vrrp_thread_hangs_takes_its_addresses_away_and_ends() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let mut cluster = Cluster::at_work(Layout::demo(Mode::Dr), configurations::demo(Mode::Dr))?;
    let hangs = wound::Still::hold(cluster.agent(0)?.id(), "vrrp")?;
    hangs.wait_for_end()?;
    let exit = cluster.take(0)?.wait(PATIENCE)?;
    assert_eq!(exit.status.code(), Some(1), "{}", exit.log);
    let said = [
        "the VRRP thread does not answer",
        "leaving the virtual routers",
        "start it again",
    ];
    for said in said {
        assert!(exit.log.contains(said), "no {said:?} in:\n{}", exit.log);
    }
    let director = &cluster.site.directors[0];
    let address = cluster.site.layout.virtual_address.to_string();
    assert!(!director.has_address(&address)?, "{}", exit.log);
    director.wait_until_free("ens33")?;
    cluster.wait_for_master(1)?;
    assert_eq!(cluster.requests(20)?.failures, Vec::<String>::new());
    Ok(())
}

#[test]
fn a_vrrp_thread_that_stood_still_for_a_while_goes_on_and_so_does_the_agent() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let (_switch, director) = lone_director()?;
    let mut agent = Agent::start(&director, ALONE)?;
    agent.wait_for("Entering MASTER STATE", PATIENCE)?;
    let hangs = wound::Still::hold(agent.id(), "vrrp")?;
    agent.wait_for("the VRRP thread does not answer", PATIENCE)?;
    hangs.let_go()?;
    agent.wait_for("the VRRP thread answers again", PATIENCE)?;
    assert!(director.has_address(VIP)?);
    let exit = agent.terminate()?;
    assert!(exit.status.success(), "{}", exit.log);
    assert!(!director.has_address(VIP)?);
    Ok(())
}

/// [`ALONE`] in a sync group, with another address; both tell of their end by making a file.
fn in_a_group(vip: &str, folder: &Path) -> String {
    let touch = |name: &str| format!("notify_stop \"/usr/bin/touch {}/{name}\"", folder.display());
    let instance = ALONE.replace(VIP, vip);
    let instance = instance.replacen('{', &format!("{{\n {}", touch("instance")), 1);
    format!(
        "global_defs {{\n script_user root\n}}\nvrrp_sync_group G1 {{\n group {{\n VI_1\n }}\n {}\n}}\n\
         {instance}",
        touch("group")
    )
}

const OTHER_VIP: &str = "10.0.0.101";

#[test]
fn a_thread_that_hangs_during_a_reload_leaves_nothing_of_either_and_all_are_told() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let (_switch, director) = lone_director()?;
    let folder = tempfile::tempdir()?;
    let mut agent = Agent::start(&director, &in_a_group(VIP, folder.path()))?;
    agent.wait_for("Entering MASTER STATE", PATIENCE)?;
    let there = || director.has_address(VIP).ok()?.then_some(());
    wait_until(PATIENCE, there).context("the address does not come")?;
    let hangs = wound::Still::hold(agent.id(), "vrrp")?;
    agent.rewrite(&in_a_group(OTHER_VIP, folder.path()))?;
    agent.signal(Signal::SIGHUP)?;
    hangs.wait_for_end()?;
    let exit = agent.wait(PATIENCE)?;
    assert_eq!(exit.status.code(), Some(1), "{}", exit.log);
    assert!(
        exit.log.contains("leaving the virtual routers"),
        "{}",
        exit.log
    );
    assert!(!exit.log.contains("Reload complete"), "{}", exit.log);
    for vip in [VIP, OTHER_VIP] {
        assert!(!director.has_address(vip)?, "{vip}\n{}", exit.log);
    }
    for told in ["instance", "group"] {
        assert!(folder.path().join(told).exists(), "{told}\n{}", exit.log);
    }
    Ok(())
}

#[test]
fn a_reload_while_the_thread_stands_still_is_carried_out_when_it_goes_on() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let (_switch, director) = lone_director()?;
    let mut agent = Agent::start(&director, ALONE)?;
    agent.wait_for("Entering MASTER STATE", PATIENCE)?;
    let hangs = wound::Still::hold(agent.id(), "vrrp")?;
    agent.rewrite(&ALONE.replace(VIP, OTHER_VIP))?;
    agent.signal(Signal::SIGHUP)?;
    agent.wait_for("the VRRP thread does not answer", PATIENCE)?;
    hangs.let_go()?;
    agent.wait_for("Reload complete", PATIENCE)?;
    let moved = || {
        let (old, new) = (director.has_address(VIP), director.has_address(OTHER_VIP));
        (!old.ok()? && new.ok()?).then_some(())
    };
    wait_until(PATIENCE, moved).context("the addresses are those of before")?;
    let exit = agent.terminate()?;
    assert!(exit.status.success(), "{}", exit.log);
    assert!(!director.has_address(OTHER_VIP)?, "{}", exit.log);
    Ok(())
}

/// The same with all that is set beside addresses: a VMAC, filters, routes, kernel settings.
const BUSY: &str = "\
global_defs {
    disable_local_igmp
}
vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 51
    priority 200
    use_vmac
    use_vmac_addr
    promote_secondaries
    no_accept
    virtual_ipaddress {
        10.0.0.100
        10.0.0.101/24 dev eth1
    }
    virtual_ipaddress_excluded {
        fd00::100/64
    }
    virtual_routes {
        192.0.2.0/24 dev eth0
    }
}
";

#[test]
fn the_vrrp_thread_opens_no_file_whatever_happens_to_it() -> Result<()> {
    if skipped(&needs::SITE) || !trace::IS_POSSIBLE {
        return Ok(());
    }
    let (_switch, director) = lone_director()?;
    director.ip("link add name eth1 type veth peer name far1")?;
    director.ip("link set dev far1 up")?;
    director.ip("link set dev eth1 up")?;
    let mut agent = Agent::start(&director, ALONE)?;
    agent.wait_for("Entering MASTER STATE", PATIENCE)?;
    let calls = trace::calls(agent.id(), "vrrp", || {
        agent.reload(BUSY)?;
        let there = |address: &str| {
            let there = || director.has_address(address).ok()?.then_some(());
            wait_until(PATIENCE, there).with_context(|| format!("{address} does not come"))
        };
        there("fd00::100")?;
        director.ip("link set dev eth0 down")?;
        let gone = || (!director.has_address(VIP).ok()?).then_some(());
        wait_until(PATIENCE, gone).context("it goes on without its interface")?;
        director.ip("link set dev eth0 up")?;
        there(VIP)?;
        agent.reload(ALONE)?;
        there(VIP)
    })?;
    let exit = agent.terminate()?;
    assert!(exit.status.success(), "{}", exit.log);
    assert!(calls.contains("send"), "nothing was seen: {calls:?}");
    assert!(!calls.contains("file"), "{calls:?}\n{}", exit.log);
    Ok(())
}

/// [`ALONE`] with a virtual server that nobody can serve.
fn cannot_start() -> String {
    format!(
        "global_defs {{\n xdp_mode native\n xdp_interfaces large0\n}}\n{ALONE}\
         virtual_server 10.0.0.100 80 {{\n lb_kind DR\n protocol TCP\n \
         real_server 10.0.0.5 80 {{\n weight 1\n }}\n}}\n"
    )
}

#[test]
fn a_restart_after_a_crash_that_fails_leaves_no_virtual_address() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let (_switch, director) = lone_director()?;
    director.ip(TOO_LARGE)?;
    let mut agent = Agent::start(&director, ALONE)?;
    agent.wait_for("Entering MASTER STATE", PATIENCE)?;
    let status = Path::new("/run/lb-agent")
        .join(director.name())
        .join("status.json");
    wait_until(PATIENCE, || status.exists().then_some(())).context("no status file")?;
    agent.kill()?;
    ensure!(director.has_address(VIP)?, "there is nothing to remove");

    let exit = Agent::start(&director, &cannot_start())?.wait(Duration::from_secs(20))?;
    assert_eq!(exit.status.code(), Some(1), "{}", exit.log);
    assert!(exit.log.contains("nothing was started"), "{}", exit.log);
    assert!(!director.has_address(VIP)?, "{}", exit.log);
    assert!(!status.exists());
    Ok(())
}

#[test]
fn a_restart_after_a_crash_with_a_file_that_cannot_be_used_names_what_was_left() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let (_switch, director) = lone_director()?;
    let mut agent = Agent::start(&director, ALONE)?;
    agent.wait_for("Entering MASTER STATE", PATIENCE)?;
    let is_master = || agent.dump("vrrp").ok()?.contains("MASTER").then_some(());
    wait_until(PATIENCE, is_master).context("no status file")?;
    agent.kill()?;
    let unusable = ALONE.replace("virtual_router_id 51", "virtual_router_id");
    let exit = Agent::start(&director, &unusable)?.wait(Duration::from_secs(20))?;
    assert!(!exit.status.success(), "{}", exit.log);
    let said = "was killed as MASTER: 10.0.0.100/32 may still be set";
    assert!(exit.log.contains(said), "{}", exit.log);
    assert!(director.has_address(VIP)?, "as with keepalived");
    let exit = {
        let mut agent = Agent::start(&director, ALONE)?;
        agent.wait_for("10.0.0.100/32 was on eth0 already", PATIENCE)?;
        agent.terminate()?
    };
    assert!(
        exit.status.success() && !director.has_address(VIP)?,
        "{}",
        exit.log
    );
    Ok(())
}

#[test]
fn a_start_that_fails_where_no_agent_was_touches_no_address() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let (_switch, director) = lone_director()?;
    director.ip(TOO_LARGE)?;
    director.ip("address add 10.0.0.100/32 dev eth0")?;
    let exit = Agent::start(&director, &cannot_start())?.wait(Duration::from_secs(20))?;
    assert_eq!(exit.status.code(), Some(1), "{}", exit.log);
    assert!(
        director.has_address(VIP)?,
        "it may be a running keepalived's"
    );
    Ok(())
}

#[test]
fn an_address_that_was_there_before_is_not_said_to_be_left_by_us() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let (_switch, director) = lone_director()?;
    director.ip("address add 10.0.0.100/32 dev eth0")?;
    let mut agent = Agent::start(&director, ALONE)?;
    agent.wait_for(
        "10.0.0.100/32 was on eth0 already, from an earlier run or set by hand",
        PATIENCE,
    )?;
    agent.wait_for("Entering MASTER STATE", PATIENCE)?;
    let exit = agent.terminate()?;
    assert!(exit.status.success(), "{}", exit.log);
    Ok(())
}
