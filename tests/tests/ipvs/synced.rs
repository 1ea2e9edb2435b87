//! Connections that go on when the other director takes over: IPVS has told it of them
//! (`lvs_sync_daemon`), or picks the same server for them (`mh`).

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lb_tests::{Cluster, Layout, Mode, Namespace, skipped, wait_until};

const PATIENCE: Duration = Duration::from_mins(1);

/// A port for conversations.
const PORT: u16 = 7;

/// Enough that each server has some, and that not all can go on by chance.
const CONNECTIONS: usize = 12;

/// IPVS tells a connection after three packets of the client (`net.ipv4.vs.sync_threshold`).
const WORDS: usize = 6;

/// Each with the server that answers it.
type Connections = Vec<(TcpStream, u8)>;

/// Answers every byte with the server's number, for as long as the machine is there.
pub(crate) fn converse(machine: &Namespace, port: u16, number: u8) -> Result<()> {
    let listener = machine.enter(|| Ok(TcpListener::bind(("0.0.0.0", port))?))?;
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || answer(stream, number));
        }
    });
    Ok(())
}

fn answer(mut stream: TcpStream, number: u8) {
    let mut byte = [0];
    while matches!(stream.read(&mut byte), Ok(1)) && stream.write_all(&[number]).is_ok() {}
}

/// Says a word, and hears which server answers.
pub(crate) fn say(mut stream: &TcpStream) -> Result<u8> {
    let mut byte = [b'?'];
    stream.write_all(&byte)?;
    stream.read_exact(&mut byte)?;
    Ok(byte[0])
}

/// The configurations of both directors, with `xdp_mode` of each.
fn pair(modes: [&str; 2], lb_algo: &str, sync: &str) -> [String; 2] {
    let layout = Layout::demo(Mode::Dr);
    let [one, two] = layout.servers;
    let vip = layout.virtual_address;
    let text = |mode: &str, state: &str, priority: u8| {
        format!(
            "global_defs {{\nxdp_mode {mode}\n{sync}\n}}\n\
             vrrp_instance VI_1 {{\nstate {state}\ninterface ens33\nvirtual_router_id 66\n\
             priority {priority}\nadvert_int 1\nvirtual_ipaddress {{\n{vip}/24 dev ens33\n}}\n}}\n\
             virtual_server {vip} {PORT} {{\nlb_algo {lb_algo}\nlb_kind DR\nprotocol TCP\n\
             real_server {one} {PORT} {{\n}}\nreal_server {two} {PORT} {{\n}}\n}}\n"
        )
    };
    let [first, second] = modes;
    [text(first, "MASTER", 100), text(second, "BACKUP", 80)]
}

/// Connections that director 2 knows of.
fn known(cluster: &Cluster) -> Option<usize> {
    let read = || Ok(std::fs::read_to_string("/proc/thread-self/net/ip_vs_conn")?);
    let text = cluster.site.directors[1].enter(read).ok()?;
    Some(
        text.lines()
            .filter(|line| line.contains("ESTABLISHED"))
            .count(),
    )
}

/// The connections, and who has answered each.
fn connect(cluster: &Cluster) -> Result<Connections> {
    let vip = SocketAddr::from((cluster.site.layout.virtual_address, PORT));
    let open = || {
        let stream = TcpStream::connect_timeout(&vip, Duration::from_secs(5))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        let mut server = say(&stream)?;
        for _ in 1..WORDS {
            server = say(&stream)?;
        }
        Ok((stream, server))
    };
    cluster
        .site
        .client
        .enter(|| (0..CONNECTIONS).map(|_| open()).collect())
}

/// Both directors at work, the first one MASTER, and connections through it.
fn connected(configurations: [String; 2]) -> Result<(Cluster, Connections)> {
    let mut cluster = Cluster::new(Layout::demo(Mode::Dr), configurations)?;
    for (number, server) in (1..).zip(&cluster.site.servers) {
        converse(server, PORT, number)?;
    }
    cluster.start(0)?;
    cluster.wait_for_master(0)?;
    cluster.start(1)?;
    cluster
        .agent(1)?
        .wait_for("Entering BACKUP STATE", PATIENCE)?;
    let connections = wait_until(PATIENCE, || connect(&cluster).ok());
    let connections = match connections {
        Some(connections) => connections,
        None => connect(&cluster).with_context(|| {
            let log = cluster.agent(0).map(|agent| agent.log());
            log.unwrap_or_default()
        })?,
    };
    let servers: Vec<u8> = connections.iter().map(|(_, server)| *server).collect();
    ensure!(servers.contains(&1) && servers.contains(&2), "{servers:?}");
    Ok((cluster, connections))
}

/// How many connections go on with their server.
fn going_on(connections: &Connections) -> usize {
    let goes_on = |(stream, server): &&(TcpStream, u8)| say(stream).is_ok_and(|it| it == *server);
    connections.iter().filter(goes_on).count()
}

/// How many connections go on with their server after director 2 has taken over, both with IPVS.
/// They come by turns: no hash could bring them to the same server.
fn after_a_failover(sync: &str) -> Result<Option<usize>> {
    if skipped(&crate::SITE) {
        return Ok(None);
    }
    let (mut cluster, connections) = connected(pair(["off", "off"], "rr", sync))?;
    if !sync.is_empty() {
        let all = || (known(&cluster)? >= CONNECTIONS).then_some(());
        wait_until(PATIENCE, all).context("director 2 does not hear of the connections")?;
    }
    // As when its power fails: nobody says goodbye.
    cluster.site.outside.unplug(&cluster.site.directors[0])?;
    cluster.wait_for_master(1)?;
    Ok(Some(going_on(&connections)))
}

#[test]
fn connections_go_on_when_the_other_director_was_told_of_them() -> Result<()> {
    let Some(going_on) = after_a_failover("lvs_sync_daemon ens33 VI_1")? else {
        return Ok(());
    };
    ensure!(going_on == CONNECTIONS, "only {going_on} of {CONNECTIONS}");
    Ok(())
}

#[test]
fn without_a_sync_daemon_they_end() -> Result<()> {
    let Some(going_on) = after_a_failover("")? else {
        return Ok(());
    };
    ensure!(going_on == 0, "{going_on} of {CONNECTIONS}");
    Ok(())
}

/// One director with XDP, the other with IPVS, to and fro.
pub(crate) fn mixed_by_mh() -> Result<()> {
    let (mut cluster, connections) = connected(pair(["native", "off"], "mh\nmh-port", ""))?;
    // IPVS takes a connection in its middle only then.
    cluster.site.directors[1].sysctl("ipv4.vs.sloppy_tcp", "1")?;
    cluster.site.outside.unplug(&cluster.site.directors[0])?;
    cluster.wait_for_master(1)?;
    let by_ipvs = going_on(&connections);
    ensure!(
        by_ipvs == CONNECTIONS,
        "IPVS: only {by_ipvs} of {CONNECTIONS}"
    );
    let position = cluster.agent(1)?.log().len();
    cluster.site.outside.replug(&cluster.site.directors[0])?;
    let second = cluster.agent(1)?;
    second.wait_for_after(position, "Entering BACKUP STATE", PATIENCE)?;
    let by_xdp = going_on(&connections);
    ensure!(by_xdp == CONNECTIONS, "XDP: only {by_xdp} of {CONNECTIONS}");
    Ok(())
}
