//! SCTP with real associations, by XDP and by IPVS: the same of both.
//!
//! Who answers says so, and sends back what it was sent: [`Peer`].

use std::fmt::Write as _;
use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lb_tests::{Agent, Mode, Namespace, Need, Site, Switch, skipped, wait_until};
use socket2::{Domain, Protocol, Socket, Type};

use crate::traffic;

/// An emulated machine takes its time.
const PATIENCE: Duration = Duration::from_mins(3);

/// Nothing that goes on takes so long.
const LIMIT: Duration = Duration::from_mins(1);

/// Port of the service. In NAT mode the servers have another one, so that their checksums change.
const PORT: u16 = 3868;

/// A message is at most so long: it fits a socket's buffer.
const MESSAGE: usize = 8192;

/// A server of SCTP. Dropped, it takes no more associations.
struct Peer {
    ends: Arc<AtomicBool>,
    accepts: Option<JoinHandle<()>>,
}

impl Peer {
    /// Answers at `address`, and nowhere else: a client is told of no other way.
    fn start(machine: &Namespace, name: u8, address: SocketAddr) -> Result<Self> {
        let listener = machine.enter(|| {
            let socket = socket(address)?;
            socket.set_reuse_address(true)?;
            socket.bind(&address.into())?;
            socket.listen(16)?;
            // How often it looks whether it is to end.
            socket.set_read_timeout(Some(Duration::from_millis(200)))?;
            Ok(socket)
        })?;
        let ends = Arc::new(AtomicBool::new(false));
        let asked = Arc::clone(&ends);
        let accepts = thread::spawn(move || {
            while !asked.load(Ordering::Relaxed) {
                if let Ok((socket, _)) = listener.accept() {
                    thread::spawn(move || drop(answer(&socket, name)));
                }
            }
        });
        Ok(Self {
            ends,
            accepts: Some(accepts),
        })
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.ends.store(true, Ordering::Relaxed);
        if let Some(accepts) = self.accepts.take() {
            drop(accepts.join());
        }
    }
}

/// A socket of the family of an address.
fn socket(address: SocketAddr) -> Result<Socket> {
    let domain = Domain::for_address(address);
    Socket::new(domain, Type::STREAM, Some(Protocol::from(132))).context("no socket of SCTP")
}

/// Answers to a length and as many bytes with a name and the same bytes, until the client ends.
fn answer(mut socket: &Socket, name: u8) -> Result<()> {
    socket.set_read_timeout(Some(PATIENCE))?;
    loop {
        let mut length = [0; 4];
        socket.read_exact(&mut length)?;
        let mut bytes = vec![0; u32::from_be_bytes(length) as usize];
        socket.read_exact(&mut bytes)?;
        bytes.insert(0, name);
        for message in bytes.chunks(MESSAGE) {
            socket.write_all(message)?;
        }
    }
}

/// An association with the service.
struct Association(Socket);

impl Association {
    /// From one address, and from no other.
    fn open(client: &Namespace, from: IpAddr, to: SocketAddr) -> Result<Self> {
        client.enter(|| {
            let socket = socket(to)?;
            socket.bind(&SocketAddr::new(from, 0).into())?;
            socket.set_read_timeout(Some(LIMIT))?;
            socket.set_write_timeout(Some(LIMIT))?;
            socket.connect(&to.into())?;
            Ok(Self(socket))
        })
    }

    /// Who has answered; with all that was sent to it.
    fn echo(&self, bytes: &[u8]) -> Result<u8> {
        let mut socket = &self.0;
        let length = u32::try_from(bytes.len())?;
        socket.write_all(&length.to_be_bytes())?;
        for message in bytes.chunks(MESSAGE) {
            socket.write_all(message)?;
        }
        let mut back = vec![0; bytes.len() + 1];
        socket.read_exact(&mut back)?;
        let [name, rest @ ..] = &back[..] else {
            return Ok(0);
        };
        ensure!(rest == bytes, "{} bytes came back changed", bytes.len());
        Ok(*name)
    }

    /// ABORT instead of SHUTDOWN.
    fn abort(self) -> Result<()> {
        self.0.set_linger(Some(Duration::ZERO))?;
        Ok(())
    }
}

/// Bytes that do not repeat themselves soon.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1_u64;
    let byte = || {
        state = state
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        (state >> 56) as u8
    };
    std::iter::repeat_with(byte).take(length).collect()
}

/// A network whose first director serves SCTP.
struct Served {
    // Before the machines: it ends before they do.
    agent: Agent,
    peers: [Peer; 2],
    site: Site,
}

/// The port of a server.
const fn server_port(mode: Mode) -> u16 {
    match mode {
        Mode::Dr | Mode::Tun => PORT,
        Mode::Nat => PORT + 1,
    }
}

/// The file; with the servers whose turn it is.
fn configuration(site: &Site, xdp_mode: &str, servers: &[usize]) -> String {
    let (vip, mode) = (site.layout.virtual_address, site.layout.mode);
    let port = server_port(mode);
    let all = site.layout.servers.iter().enumerate();
    let mut lines = String::new();
    for (_, address) in all.filter(|(number, _)| servers.contains(number)) {
        writeln!(lines, "real_server {address} {port} {{\n}}").ok();
    }
    format!(
        "global_defs {{\nxdp_mode {xdp_mode}\n}}\nvirtual_server {vip} {PORT} {{\nlb_algo rr\n\
         lb_kind {mode}\nprotocol SCTP\n{lines}}}\n"
    )
}

impl Served {
    /// `None`: this machine cannot run the test, which has been said.
    fn start(mode: Mode, xdp_mode: &str) -> Result<Option<Self>> {
        if skipped(&[Need::Bpf, Need::Sctp]) {
            return Ok(None);
        }
        let Some(site) = traffic::site(mode)? else {
            return Ok(None);
        };
        let peer = |name: u8, server: &Namespace, address: Ipv4Addr| {
            let address = match mode {
                Mode::Dr | Mode::Tun => site.layout.virtual_address,
                Mode::Nat => address,
            };
            Peer::start(
                server,
                name,
                SocketAddr::new(address.into(), server_port(mode)),
            )
        };
        let ([first, second], [one, two]) = (&site.servers, site.layout.servers);
        let peers = [peer(1, first, one)?, peer(2, second, two)?];
        let text = configuration(&site, xdp_mode, &[0, 1]);
        let agent = Agent::start(&site.directors[0], &text)?;
        let served = Self { agent, peers, site };
        served.wait_until_served()?;
        Ok(Some(served))
    }

    fn wait_until_served(&self) -> Result<()> {
        let answers = || self.open().ok()?.echo(b"?").ok();
        let answered = wait_until(PATIENCE, answers);
        answered.with_context(|| format!("nobody answers:\n{}", self.agent.log()))?;
        Ok(())
    }

    fn open(&self) -> Result<Association> {
        let layout = &self.site.layout;
        let to = SocketAddr::new(layout.virtual_address.into(), PORT);
        Association::open(&self.site.client, layout.client.into(), to)
    }

    /// The states of associations in `dump connections`.
    fn states(&self) -> Result<Vec<String>> {
        let dump = self.site.directors[0].enter(|| self.agent.dump("connections"))?;
        let lines = dump.lines().filter(|line| line.starts_with("SCTP"));
        let states = lines.filter_map(|line| line.split_whitespace().nth(2));
        Ok(states.map(str::to_owned).collect())
    }

    fn wait_for_states(&self, what: &str, are: impl Fn(&[String]) -> bool) -> Result<()> {
        let seen = wait_until(PATIENCE, || are(&self.states().ok()?).then_some(()));
        seen.with_context(|| format!("{what}: {:?}\n{}", self.states(), self.agent.log()))
    }
}

/// Every other association goes to each server, and all that is sent arrives, both ways.
fn associations_are_spread_and_carry(mode: Mode, xdp_mode: &str) -> Result<()> {
    let Some(served) = Served::start(mode, xdp_mode)? else {
        return Ok(());
    };
    let mut answers = Vec::new();
    for _ in 0..4 {
        answers.push(served.open()?.echo(b"who is there?")?);
    }
    answers.sort_unstable();
    ensure!(answers == [1, 1, 2, 2], "{answers:?}");
    let association = served.open()?;
    let first = association.echo(&noise(200_000))?;
    // Of any length: a checksum is mended by that.
    for length in 1..20 {
        ensure!(association.echo(&noise(length))? == first, "{length}");
    }
    served.wait_for_states("established", |states| {
        states.iter().any(|state| state == "ESTABLISHED")
    })?;
    drop(association);
    served.wait_for_states("ended", |states| {
        !states.is_empty() && states.iter().all(|state| state == "CLOSED")
    })
}

#[test]
fn xdp_spreads_associations_and_carries_what_they_send_in_dr_mode() -> Result<()> {
    associations_are_spread_and_carry(Mode::Dr, "native")
}

#[test]
fn xdp_spreads_associations_and_carries_what_they_send_in_tun_mode() -> Result<()> {
    associations_are_spread_and_carry(Mode::Tun, "native")
}

#[test]
fn xdp_spreads_associations_and_carries_what_they_send_in_nat_mode() -> Result<()> {
    associations_are_spread_and_carry(Mode::Nat, "native")
}

#[test]
fn ipvs_spreads_associations_and_carries_what_they_send_in_dr_mode() -> Result<()> {
    associations_are_spread_and_carry(Mode::Dr, "off")
}

#[test]
fn ipvs_spreads_associations_and_carries_what_they_send_in_nat_mode() -> Result<()> {
    associations_are_spread_and_carry(Mode::Nat, "off")
}

/// An ABORT ends an association at once; a server that goes ends those that it had, and no other.
fn associations_end(mode: Mode) -> Result<()> {
    let Some(served) = Served::start(mode, "native")? else {
        return Ok(());
    };
    let association = served.open()?;
    association.echo(b"?")?;
    association.abort()?;
    served.wait_for_states("aborted", |states| {
        !states.is_empty() && states.iter().all(|state| state == "CLOSED")
    })?;
    let both = [served.open()?, served.open()?];
    let names = [both[0].echo(b"?")?, both[1].echo(b"?")?];
    let (stays, goes) = match names {
        [2, 1] => (&both[0], &both[1]),
        [1, 2] => (&both[1], &both[0]),
        other => anyhow::bail!("{other:?}"),
    };
    let without = configuration(&served.site, "native", &[1]);
    served.agent.reload(&without)?;
    ensure!(stays.echo(b"?")? == 2);
    // Whoever gets it now does not know it.
    let error = goes
        .echo(b"?")
        .err()
        .context("an association without a server")?;
    let kind = error
        .downcast_ref::<std::io::Error>()
        .map(std::io::Error::kind);
    ensure!(
        matches!(
            kind,
            Some(
                ErrorKind::ConnectionReset
                    | ErrorKind::ConnectionAborted
                    | ErrorKind::UnexpectedEof
            )
        ),
        "{error:#}"
    );
    for _ in 0..3 {
        ensure!(served.open()?.echo(b"?")? == 2);
    }
    drop(served.peers);
    Ok(())
}

#[test]
fn associations_end_with_an_abort_and_with_their_server_in_dr_mode() -> Result<()> {
    associations_end(Mode::Dr)
}

#[test]
fn associations_end_with_an_abort_and_with_their_server_in_nat_mode() -> Result<()> {
    associations_end(Mode::Nat)
}

#[test]
fn xdp_spreads_associations_of_ipv6_and_carries_what_they_send() -> Result<()> {
    if skipped(&crate::SITE) || skipped(&[Need::Bpf, Need::Sctp]) {
        return Ok(());
    }
    let address = |last| IpAddr::V6(Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, last));
    let service = SocketAddr::new(address(0x100), PORT);
    let segment = Switch::new("segment")?;
    let plug = |label: &str, last: u16| {
        let machine = Namespace::new(label)?;
        machine.sysctl("ipv6.conf.default.accept_dad", "0")?;
        machine.sysctl("ipv6.conf.default.accept_ra", "0")?;
        segment.plug(&machine, "eth0", &format!("{}/64", address(last)))?;
        anyhow::Ok(machine)
    };
    let client = plug("client", 0x50)?;
    let director = plug("director", 0x1)?;
    let servers = [plug("rs1", 0x11)?, plug("rs2", 0x12)?];
    director.ip(&format!("address add {}/64 dev eth0 nodad", service.ip()))?;
    for server in &servers {
        // At `lo` nobody is told of it.
        server.ip(&format!("address add {}/128 dev lo nodad", service.ip()))?;
    }
    let _peers = [
        Peer::start(&servers[0], 1, service)?,
        Peer::start(&servers[1], 2, service)?,
    ];
    let text = format!(
        "global_defs {{\nxdp_mode native\n}}\nvirtual_server {} {PORT} {{\nlb_algo rr\nlb_kind DR\n\
         protocol SCTP\nreal_server {} {PORT} {{\n}}\nreal_server {} {PORT} {{\n}}\n}}\n",
        service.ip(),
        address(0x11),
        address(0x12)
    );
    let agent = Agent::start(&director, &text)?;
    let open = || Association::open(&client, address(0x50), service);
    wait_until(PATIENCE, || open().ok()?.echo(b"?").ok())
        .with_context(|| format!("nobody answers:\n{}", agent.log()))?;
    let mut answers = [0; 2];
    for _ in 0..4 {
        answers[usize::from(open()?.echo(&noise(20_000))?) - 1] += 1;
    }
    ensure!(answers == [2, 2], "{answers:?}");
    Ok(())
}
