//! What an agent makes of what an earlier one has left.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::path::PathBuf;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lb_tests::{
    Agent, Cluster, Layout, Mode, Namespace, Need, PATIENCE, configurations, needs, skipped,
    wait_until,
};

#[test]
fn an_agent_that_wants_no_xdp_takes_the_program_of_an_earlier_one_away() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let mut cluster = Cluster::at_work(Layout::demo(Mode::Dr), configurations::demo(Mode::Dr))?;
    cluster.take(0)?.kill()?;
    assert!(cluster.site.directors[0].program("ens33")?.is_some());
    let [text, _] = &mut cluster.configurations;
    *text = text.replace(
        "global_defs {",
        "global_defs {\n   xdp_mode off\n   xdp_required off",
    );
    cluster.start(0)?;
    cluster
        .agent(0)?
        .wait_for("the XDP program of an earlier agent is removed", PATIENCE)?;
    cluster.site.directors[0].wait_until_free("ens33")
}

#[test]
fn damaged_maps_of_an_earlier_agent_are_said_and_made_anew() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let damages: [fn(&PathBuf) -> Result<()>; 3] = [
        // A map of another size under the name.
        |maps| {
            Ok(fs::rename(
                maps.join("RETIRED_STATS"),
                maps.join("BACKENDS"),
            )?)
        },
        // No map at all.
        |maps| {
            fs::remove_file(maps.join("FLOWS4"))?;
            Ok(fs::create_dir(maps.join("FLOWS4"))?)
        },
        // A map of another type.
        |maps| Ok(fs::rename(maps.join("AFFINITY4"), maps.join("EGRESS"))?),
    ];
    let mut cluster = Cluster::new(Layout::demo(Mode::Dr), configurations::demo(Mode::Dr))?;
    for damage in damages {
        cluster.start(0)?;
        cluster.wait_for_master(0)?;
        cluster.take(0)?.kill()?;
        damage(&maps(&cluster.site.directors[0])?)?;
        cluster.start(0)?;
        cluster
            .agent(0)?
            .wait_for("cannot adopt the data plane of an earlier agent", PATIENCE)?;
        cluster.wait_for_master(0)?;
        let probe = cluster.probe()?;
        drop(probe);
        let tally = cluster.requests(20)?;
        assert_eq!(tally.failures, Vec::<String>::new());
        cluster.take(0)?.terminate()?;
    }
    Ok(())
}

#[test]
fn an_agent_of_another_version_makes_room_for_this_one() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let mut cluster = Cluster::new(Layout::demo(Mode::Dr), configurations::demo(Mode::Dr))?;
    cluster.start(0)?;
    cluster.wait_for_master(0)?;
    cluster.take(0)?.kill()?;
    let director = &cluster.site.directors[0];
    let maps = maps(director)?;
    let version = maps.parent().context("no folder")?;
    fs::rename(version, instance(director).join("v0"))?;
    assert!(director.program("ens33")?.is_some());
    cluster.start(0)?;
    cluster.wait_for_master(0)?;
    cluster.probe()?;
    assert!(!instance(&cluster.site.directors[0]).join("v0").exists());
    Ok(())
}

#[test]
fn a_stop_leaves_nothing_although_somebody_has_removed_a_pin() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let mut cluster = Cluster::new(Layout::demo(Mode::Nat), configurations::demo(Mode::Nat))?;
    cluster.start(0)?;
    cluster.wait_for_master(0)?;
    let director = &cluster.site.directors[0];
    assert!(director.program("ens33")?.is_some() && director.program("ens37")?.is_some());
    let version = maps(director)?;
    let links = version.with_file_name("links");
    let pin = fs::read_dir(links)?.next().context("nothing is pinned")??;
    fs::remove_file(pin.path())?;
    let exit = cluster.take(0)?.terminate()?;
    assert!(exit.status.success(), "{}", exit.log);
    let director = &cluster.site.directors[0];
    director.wait_until_free("ens33")?;
    director.wait_until_free("ens37")?;
    assert!(!instance(director).exists());
    Ok(())
}

/// Connections that a client keeps open, with nginx's keep-alive.
struct Open(Vec<TcpStream>);

impl Open {
    /// So many that chance does not send all of them to their servers.
    const COUNT: usize = 8;

    fn to(cluster: &Cluster) -> Result<Self> {
        let target = cluster.site.service();
        let connect = || Ok(TcpStream::connect_timeout(&target, PATIENCE)?);
        let all = cluster.site.client.enter(|| {
            let connections = (0..Self::COUNT).map(|_| connect());
            connections.collect::<Result<Vec<_>>>()
        })?;
        for connection in &all {
            connection.set_read_timeout(Some(PATIENCE))?;
        }
        Ok(Self(all))
    }

    /// Asks on every one of them.
    fn ask(&self) -> Result<()> {
        for (number, mut connection) in self.0.iter().enumerate() {
            let mut ask = || -> Result<()> {
                connection.write_all(b"GET / HTTP/1.1\r\nHost: vip\r\n\r\n")?;
                let mut answer = [0; 4096];
                let length = connection.read(&mut answer)?;
                let answer = answer.get(..length).unwrap_or_default();
                ensure!(
                    answer.starts_with(b"HTTP/1.1 200"),
                    "{}",
                    answer.escape_ascii()
                );
                Ok(())
            };
            ask().with_context(|| format!("connection {number}"))?;
        }
        Ok(())
    }
}

#[test]
fn live_connections_survive_a_killed_agent_and_the_next_one() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    for mode in [Mode::Dr, Mode::Nat] {
        let mut cluster = Cluster::new(Layout::demo(mode), configurations::demo(mode))?;
        cluster.start(0)?;
        cluster.wait_for_master(0)?;
        drop(cluster.probe()?);
        let open = Open::to(&cluster)?;
        open.ask().context("with the first agent")?;
        cluster.take(0)?.kill()?;
        // The program forwards without an agent; new connections find a server, too.
        open.ask().context("without an agent")?;
        let tally = cluster.requests(10)?;
        assert_eq!(tally.failures, Vec::<String>::new());
        cluster.start(0)?;
        cluster
            .agent(0)?
            .wait_for("adopted the data plane of an earlier agent", PATIENCE)?;
        cluster.wait_for_master(0)?;
        open.ask()
            .with_context(|| format!("with the next agent, {mode:?}"))?;
        cluster.take(0)?.terminate()?;
    }
    Ok(())
}

/// What nobody can carry: XDP meets a packet before it is marked.
const UNSERVED: &str = "virtual_server fwmark 5 {\nxdp_mode native\nlb_algo rr\nlb_kind DR\n\
     real_server 192.0.2.9 80 {\n}\n}\n";

/// Somebody whose packets would come by an interface that the first agent had no use for.
const SPARE: &str = "virtual_server 198.51.100.7 80 {\nlb_algo rr\nlb_kind DR\nprotocol TCP\n\
     real_server 192.0.2.9 80 {\n}\n}\n";

/// A director that a killed agent has left forwarding, the file of that, and connections from then.
///
/// The address is nobody's instance's: who does not start has none to take away.
fn left() -> Result<(Cluster, String, Open)> {
    let layout = Layout::demo(Mode::Dr);
    let (vip, [one, two]) = (layout.virtual_address, layout.servers);
    let text = format!(
        "virtual_server {vip} 80 {{\nlb_algo rr\nlb_kind DR\nprotocol TCP\n\
         real_server {one} 80 {{\n}}\nreal_server {two} 80 {{\n}}\n}}\n"
    );
    let mut cluster = Cluster::new(layout, [text.clone(), String::new()])?;
    cluster.site.directors[0].ip(&format!("address add {vip}/24 dev ens33"))?;
    cluster.start(0)?;
    let served = || {
        let tally = cluster.requests(6).ok()?;
        tally.failures.is_empty().then_some(())
    };
    wait_until(PATIENCE, served).context("nobody is served")?;
    let open = Open::to(&cluster)?;
    open.ask().context("with the first agent")?;
    cluster.take(0)?.kill()?;
    Ok((cluster, text, open))
}

/// The start has failed, and what was left goes on, with the next agent as well.
fn goes_on(mut cluster: Cluster, open: &Open) -> Result<()> {
    open.ask().context("after the start that failed")?;
    assert_eq!(cluster.requests(10)?.failures, Vec::<String>::new());
    cluster.start(0)?;
    cluster
        .agent(0)?
        .wait_for("adopted the data plane of an earlier agent", PATIENCE)?;
    open.ask().context("with the next agent")?;
    cluster.take(0)?.terminate()?;
    cluster.site.directors[0].wait_until_free("ens33")
}

#[test]
fn a_start_that_comes_to_nothing_leaves_the_program_of_an_earlier_agent_forwarding() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    let (cluster, text, open) = left()?;
    let director = &cluster.site.directors[0];
    for command in [
        "link add spare type veth peer name far",
        "address add 198.51.100.7/24 dev spare",
        "link set far up",
        "link set spare up",
    ] {
        director.ip(command)?;
    }
    let fails = format!("global_defs {{\nxdp_deadman 1\n}}\n{text}{SPARE}{UNSERVED}");
    let exit = Agent::start(director, &fails)?.wait(PATIENCE)?;
    for part in [
        "no data plane carries virtual server FWM 5",
        "XDP program attached to spare",
        "what an earlier agent has left goes on forwarding",
    ] {
        ensure!(exit.log.contains(part), "no {part:?}:\n{}", exit.log);
    }
    director.wait_until_free("spare")?;
    // Longer than the `xdp_deadman` of the file that came to nothing.
    sleep(Duration::from_secs(2));
    goes_on(cluster, &open)
}

#[test]
fn a_start_without_the_sockets_of_vrrp_leaves_it_as_well() -> Result<()> {
    if skipped(&needs::SITE) || skipped(&[Need::Program("setpriv")]) {
        return Ok(());
    }
    let (cluster, text, open) = left()?;
    let instance = "vrrp_instance VI_1 {\ninterface ens33\nvirtual_router_id 77\n\
                    virtual_ipaddress {\n198.51.100.9\n}\n}\n";
    let fails = format!("{instance}{text}");
    let director = &cluster.site.directors[0];
    let exit = Agent::start_without(director, &fails, "net_raw")?.wait(PATIENCE)?;
    for part in [
        "cannot open a packet socket",
        "what an earlier agent has left goes on forwarding",
    ] {
        ensure!(exit.log.contains(part), "no {part:?}:\n{}", exit.log);
    }
    goes_on(cluster, &open)
}

/// Where the agent in `director` pins its things.
fn instance(director: &Namespace) -> PathBuf {
    PathBuf::from("/sys/fs/bpf/lb-agent").join(director.name())
}

/// Where it pins its maps: there is one version.
fn maps(director: &Namespace) -> Result<PathBuf> {
    let version = fs::read_dir(instance(director))?.next();
    Ok(version.context("nothing is pinned")??.path().join("maps"))
}
