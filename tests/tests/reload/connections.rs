//! Ten thousand connections that live while servers and services come, go, weigh something else
//! and rest, and while the agent is started anew; and that are used all the while.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use anyhow::{Context as _, Result};
use lb_tests::{Agent, Cluster, Layout, Mode, WebServer, configurations, needs, skipped};

use crate::crowd::{Crowd, How, Lost, raise_open_files};

/// So many are opened.
const CONNECTIONS: usize = 10_000;

/// From so many addresses.
const SOURCES: u8 = 4;

/// Port of the service, and of its real servers.
const PORT: u16 = 7000;

/// A real server of it, `more` in it.
fn server(host: u8, weight: u8) -> String {
    format!("    real_server 192.168.159.{host} {PORT} {{\n        weight {weight}\n    }}\n")
}

/// A virtual server at `port`.
fn service(port: u16, scheduler: &str, servers: &[String], more: &str) -> String {
    format!(
        "virtual_server 192.168.159.200 {port} {{\n    lb_algo {scheduler}\n    lb_kind DR\n    \
         protocol TCP\n    {more}\n{}}}\n",
        servers.concat()
    )
}

/// The service with both servers, `more` in it.
fn usual(more: &str) -> String {
    service(PORT, "wrr", &[server(105, 1), server(106, 1)], more)
}

/// The configurations between which the agent is reloaded, and what each of them changes.
fn changes() -> [(&'static str, String); 12] {
    let two = [server(105, 1), server(106, 1)];
    let three = [server(105, 1), server(107, 3), server(106, 1)];
    let another = service(PORT + 1, "rr", &[server(105, 1)], "");
    [
        ("a service is added", usual("") + &another),
        (
            "its server is another",
            usual("") + &another.replace("105", "106"),
        ),
        ("it is removed", usual("")),
        ("a server is added", service(PORT, "wrr", &three, "")),
        (
            "it weighs less",
            service(PORT, "wrr", &three, "").replace("weight 3", "weight 1"),
        ),
        ("it is removed again", usual("")),
        (
            "the weights differ",
            usual("").replacen("weight 1", "weight 5", 1),
        ),
        (
            "a server is quiesced",
            usual("").replacen("weight 1", "weight 0", 1),
        ),
        ("clients persist", usual("persistence_timeout 60")),
        ("a quorum is asked for", usual("quorum 2")),
        ("the scheduler is another", service(PORT, "mh", &two, "")),
        ("all is as before", usual("")),
    ]
}

#[test]
fn ten_thousand_connections_live_through_everything_but_the_removal_of_their_server() -> Result<()>
{
    if skipped(&needs::SITE) {
        return Ok(());
    }
    raise_open_files(CONNECTIONS + CONNECTIONS / 10)?;
    let [text, other] = configurations::demo(Mode::Dr);
    let with = |service: &str| format!("{text}\n{service}");
    let mut cluster = Cluster::new(Layout::demo(Mode::Dr), [with(&usual("")), other])?;
    let _servers = more_servers(&cluster)?;
    cluster.start(0)?;
    cluster.wait_for_master(0)?;
    let mut crowd = crowd(&cluster)?;

    for (what, service) in changes() {
        let agent = cluster.agent(0)?;
        agent.reload(&with(&service))?;
        assert_eq!(crowd.lost()?, [], "{what}: {}", agent.log());
    }
    for command in ["drain", "enable"] {
        let agent = cluster.agent(0)?;
        let told = agent.tell(&format!("{command} 192.168.159.200:7000 192.168.159.105"))?;
        assert_eq!(told.status, Some(0), "{told:?}");
        assert_eq!(crowd.lost()?, [], "{command}");
    }
    // After a crash, and between two agents of which the first leaves everything as it is.
    cluster.take(0)?.kill()?;
    assert_eq!(crowd.lost()?, [], "nobody is there");
    leave_everything_at_the_end(&mut cluster)?;
    assert_eq!(crowd.lost()?, [], "{}", cluster.agent(0)?.log());
    cluster.take(0)?.terminate()?;
    assert_eq!(crowd.lost()?, [], "nobody is there");
    cluster.start(0)?;
    cluster.wait_for_master(0)?;
    assert_eq!(crowd.lost()?, [], "{}", cluster.agent(0)?.log());
    assert_eq!(crowd.alive(), CONNECTIONS);

    let alone = service(PORT, "wrr", &[server(105, 1)], "");
    cluster.agent(0)?.reload(&with(&alone))?;
    assert_resets(crowd.lost()?, crowd.alive())
}

/// The connections of the server that was removed came to the other one with their next packet, and
/// that knows nothing of them; only theirs.
fn assert_resets(lost: Vec<Lost>, alive: usize) -> Result<()> {
    let mut by_end: BTreeMap<Lost, usize> = BTreeMap::new();
    for it in lost {
        *by_end.entry(it).or_default() += 1;
    }
    let reset = Lost {
        server: "rs2".to_owned(),
        how: How::Reset,
    };
    let resets = by_end.remove(&reset).context("nobody was reset")?;
    assert_eq!(by_end, BTreeMap::new());
    assert_eq!(resets + alive, CONNECTIONS);
    assert!(
        resets.abs_diff(CONNECTIONS / 2) < CONNECTIONS / 20,
        "{resets} were the second server's"
    );
    Ok(())
}

/// Servers for as many connections, and a third address that serves: the second machine's.
fn more_servers(cluster: &Cluster) -> Result<Vec<WebServer>> {
    let [first, second] = &cluster.site.servers;
    second.ip("address add 192.168.159.107/24 dev eth0")?;
    let all = [(first, "rs1"), (second, "rs2")].into_iter();
    all.map(|(machine, name)| WebServer::for_many(machine, name, PORT, CONNECTIONS + 1000))
        .collect()
}

/// All connections, open.
fn crowd(cluster: &Cluster) -> Result<Crowd> {
    let client = &cluster.site.client;
    let mut sources = Vec::new();
    for host in 60..60 + SOURCES {
        let address = Ipv4Addr::new(192, 168, 159, host);
        client.ip(&format!("address add {address}/24 dev eth0"))?;
        sources.push(IpAddr::V4(address));
    }
    drop(cluster.probe()?);
    let target = SocketAddr::from((cluster.site.layout.virtual_address, PORT));
    Crowd::open(client, &sources, target, CONNECTIONS)
}

/// Starts an agent that will leave everything as it is when it ends, as for an update.
fn leave_everything_at_the_end(cluster: &mut Cluster) -> Result<()> {
    let switches = ["--dont-release-vrrp", "--dont-release-ipvs"];
    let [text, _] = &cluster.configurations;
    let agent = Agent::start_as_keepalived(&cluster.site.directors[0], text, &switches)?;
    cluster.put(0, agent)?;
    cluster.wait_for_master(0)
}
