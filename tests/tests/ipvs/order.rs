//! Where the order of the servers decides (`sh`, `dh`, `mh`) it is the file's, also after one has come
//! back; whoever is moved for that keeps connections, counters and clients.

use std::net::{IpAddr, SocketAddr, TcpStream};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lb_agent::dataplane::ipvs::desired::{Desired, Server, Service};
use lb_agent::dataplane::ipvs::drift::Drift;
use lb_agent::dataplane::ipvs::plane::Plane;
use lb_agent::net::ipvs::{
    DestinationEntry, Family, Forwarding, Persistence, Protocol, Service as Settings, ServiceKey,
};
use lb_tests::{Site, wait_until};
use socket2::{Domain, Socket, Type};

use crate::ipvsadm::ipvsadm;
use crate::kernel::site;
use crate::samples::{plain, server};
use crate::synced::{converse, say};

const PATIENCE: Duration = Duration::from_mins(1);

/// A port for conversations.
const PORT: u16 = 7;

/// The service, with the servers that are up.
fn desired(site: &Site, settings: &Settings, up: [bool; 2]) -> Desired {
    let to = |(address, up)| {
        let mut destination = server(address, Forwarding::Route);
        destination.key.port = PORT;
        let server = Server {
            destination,
            sorry: false,
        };
        Some(server).filter(|_| up)
    };
    let servers = site.layout.servers.into_iter().zip(up);
    Desired {
        services: vec![Service {
            settings: settings.clone(),
            servers: servers.filter_map(to).collect(),
        }],
    }
}

/// The servers in the kernel's order.
fn servers(plane: &mut Plane) -> Result<Vec<DestinationEntry>> {
    let table = plane.table()?;
    Ok(table.into_iter().next().context("no service")?.destinations)
}

fn addresses(servers: &[DestinationEntry]) -> Vec<IpAddr> {
    let keys = servers.iter().map(|it| it.destination.key);
    keys.map(|key| key.address).collect()
}

/// A conversation of each client, and who answers it.
fn connect(site: &Site, clients: &[IpAddr]) -> Result<Vec<(TcpStream, u8)>> {
    let vip = SocketAddr::from((site.layout.virtual_address, PORT));
    let one = |client: &IpAddr| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
        socket.bind(&SocketAddr::new(*client, 0).into())?;
        socket.connect_timeout(&vip.into(), Duration::from_secs(20))?;
        let stream = TcpStream::from(socket);
        stream.set_read_timeout(Some(Duration::from_secs(20)))?;
        let server = say(&stream)?;
        Ok((stream, server))
    };
    site.client.enter(|| clients.iter().map(one).collect())
}

fn who_is_moved_keeps_everything(scheduler: &str, persistence: Option<Persistence>) -> Result<()> {
    let Some(site) = site(&[])? else {
        return Ok(());
    };
    for (number, machine) in (1..).zip(&site.servers) {
        converse(machine, PORT, number)?;
    }
    let clients: Vec<IpAddr> = (20..32).map(|last| [192, 168, 159, last].into()).collect();
    for client in &clients {
        site.client.ip(&format!("address add {client}/32 dev lo"))?;
    }
    let key = ServiceKey::Address {
        protocol: Protocol::Tcp,
        address: site.layout.virtual_address.into(),
        port: PORT,
    };
    let settings = Settings {
        persistence,
        ..plain(key, scheduler)
    };
    let director = &site.directors[0];
    let mut plane = director.enter(|| Ok(Plane::open()?))?;
    let apply = |plane: &mut Plane, up| -> Result<Vec<IpAddr>> {
        let outcome = plane.apply(&desired(&site, &settings, up))?;
        ensure!(outcome.refused.is_empty(), "{:?}", outcome.refused);
        Ok(addresses(&servers(plane)?))
    };
    let [one, two] = site.layout.servers.map(IpAddr::from);
    ensure!(apply(&mut plane, [true, true])? == [two, one]);
    let connections = connect(&site, &clients)?;
    let of_two: Vec<_> = connections.iter().filter(|(_, by)| *by == 2).collect();
    ensure!(
        (1..clients.len()).contains(&of_two.len()),
        "of one server only"
    );
    // The kernel adds the counters of its processors up every two seconds.
    let counted = |plane: &mut Plane| {
        let second = servers(plane).ok()?.first().copied()?;
        let all = usize::try_from(second.statistics.totals.conns) == Ok(of_two.len());
        all.then_some(second)
    };
    let before = wait_until(PATIENCE, || counted(&mut plane)).context("they are not counted")?;
    // The first server goes, and comes back.
    ensure!(apply(&mut plane, [false, true])? == [two]);
    ensure!(
        apply(&mut plane, [true, true])? == [two, one],
        "not in the file's order"
    );
    let after = servers(&mut plane)?.first().copied().context("none")?;
    let figures = |it: &DestinationEntry| {
        let open = [it.active_connections, it.persistent_connections];
        (open, it.statistics.totals.conns)
    };
    ensure!(figures(&before) == figures(&after), "{before:?}\n{after:?}");
    for (stream, _) in &of_two {
        ensure!(say(stream).context("a connection has ended")? == 2);
    }
    // And every client has the server that it had, for new connections, too.
    let who = |all: &[(TcpStream, u8)]| all.iter().map(|(_, by)| *by).collect::<Vec<_>>();
    let first = who(&connections);
    ensure!(who(&connect(&site, &clients)?) == first);
    // What others have put in another order is told, and put in order.
    let vip = site.layout.virtual_address;
    director.enter(|| {
        ipvsadm(&format!("-d -t {vip}:{PORT} -r {one}:{PORT}"))?;
        ipvsadm(&format!("-a -t {vip}:{PORT} -r {one}:{PORT} -g"))
    })?;
    ensure!(plane.look()? == [Drift::Reordered(key)]);
    ensure!(addresses(&servers(&mut plane)?) == [one, two]);
    ensure!(apply(&mut plane, [true, true])? == [two, one]);
    // So is what is adopted.
    director.enter(|| {
        ipvsadm(&format!("-d -t {vip}:{PORT} -r {one}:{PORT}"))?;
        ipvsadm(&format!("-a -t {vip}:{PORT} -r {one}:{PORT} -g"))
    })?;
    let mut next = director.enter(|| Ok(Plane::open()?))?;
    ensure!(apply(&mut next, [true, true])? == [two, one]);
    Ok(())
}

#[test]
fn by_sh() -> Result<()> {
    who_is_moved_keeps_everything("sh", None)
}

#[test]
fn by_mh_with_persistence() -> Result<()> {
    let persistence = Persistence {
        timeout: 60,
        granularity: Family::V4.finest(),
    };
    who_is_moved_keeps_everything("mh", Some(persistence))
}
