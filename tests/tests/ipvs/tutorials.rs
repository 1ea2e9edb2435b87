//! Every tutorial's configuration with a virtual server, given to Debian's keepalived and to us:
//! the kernel's tables are the same, also after a server has failed, has come back, and after a
//! reload.
//!
//! Each program has a machine of its own on which the servers of the configuration answer. Waiting
//! times are shortened, which changes no table.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lb_agent::config::model::Config;
use lb_agent::config::{FileSystem, load};
use lb_tests::{Agent, Namespace, Need, Process, skipped, wait_until};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal;
use tempfile::TempDir;

use crate::ipvsadm::{ipvsadm, saved};

const PATIENCE: Duration = Duration::from_mins(2);

/// What both programs need.
const NEEDS: [Need; 6] = [
    Need::Root,
    Need::Namespaces,
    Need::Program("ip"),
    Need::Ipvs,
    Need::Program("ipvsadm"),
    Need::Program("keepalived"),
];

/// A director, and the servers on the other end of its cables.
struct World {
    director: Namespace,
    outside: Namespace,
    servers: BTreeSet<IpAddr>,
    /// Those that have checks.
    checked: BTreeSet<IpAddr>,
    stop: Arc<AtomicBool>,
}

impl World {
    fn new(config: &Config) -> Result<Self> {
        let (director, outside) = (Namespace::new("director")?, Namespace::new("outside")?);
        director.ip("link set lo up")?;
        outside.ip("link set lo up")?;
        let mut interfaces: BTreeSet<&str> = BTreeSet::from(["eth0"]);
        for instance in &config.vrrp_instances {
            interfaces.insert(&instance.interface);
            let vips = instance.virtual_ipaddress.iter();
            interfaces.extend(vips.map(|vip| vip.dev.as_str()));
        }
        for (number, name) in interfaces.iter().enumerate() {
            let other = outside.name();
            director.ip(&format!(
                "link add name {name} type veth peer name {name} netns {other}"
            ))?;
            for (machine, last) in [(&director, 1), (&outside, 2)] {
                machine.ip(&format!("address add 10.255.{number}.{last}/24 dev {name}"))?;
                machine.ip(&format!("link set {name} up"))?;
            }
        }
        let mut world = Self {
            director,
            outside,
            servers: BTreeSet::new(),
            checked: BTreeSet::new(),
            stop: Arc::default(),
        };
        let mut ports = BTreeSet::new();
        for server in config
            .virtual_servers
            .iter()
            .flat_map(|it| &it.real_servers)
        {
            if !server.key.address.is_loopback() {
                world.servers.insert(server.key.address);
            }
            if !server.checkers.is_empty() {
                world.checked.insert(server.key.address);
            }
            ports.extend([server.key.port, 80]);
            ports.extend(server.checkers.iter().map(|it| it.connect_port));
        }
        let first = interfaces.iter().next().copied().unwrap_or("eth0");
        for address in &world.servers {
            world.set(*address, true)?;
            world
                .director
                .ip(&format!("route add {address}/32 dev {first}"))?;
        }
        for port in ports.into_iter().filter(|port| *port != 0) {
            world.listen(port)?;
        }
        Ok(world)
    }

    /// A server is there, or is not.
    fn set(&self, address: IpAddr, there: bool) -> Result<()> {
        let what = if there { "add" } else { "del" };
        self.outside
            .ip(&format!("address {what} {address}/32 dev lo"))?;
        Ok(())
    }

    /// Answers whoever asks with a page.
    fn listen(&self, port: u16) -> Result<()> {
        let listener = self
            .outside
            .enter(|| Ok(TcpListener::bind(SocketAddr::from(([0; 4], port)))?))?;
        listener.set_nonblocking(true)?;
        let stop = Arc::clone(&self.stop);
        std::thread::spawn(move || {
            while !stop.load(Ordering::Relaxed) {
                let mut wanted = [PollFd::new(listener.as_fd(), PollFlags::POLLIN)];
                // Somebody, or nobody for a while.
                let _ready = poll(&mut wanted, PollTimeout::from(500_u16));
                if let Ok((stream, _)) = listener.accept() {
                    answer(stream);
                }
            }
        });
        Ok(())
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

/// One page for whoever asks for one; who only connects has hung up by then.
fn answer(mut stream: TcpStream) {
    let page = b"HTTP/1.0 200 OK\r\nContent-Length: 3\r\n\r\nok\n";
    let done = stream
        .set_read_timeout(Some(Duration::from_millis(500)))
        .and_then(|()| stream.set_nonblocking(false))
        .and_then(|()| stream.read(&mut [0; 1024]))
        .and_then(|_| stream.write_all(page));
    drop(done);
}

/// keepalived at work.
struct Keepalived {
    process: Process,
    folder: TempDir,
}

impl Keepalived {
    fn start(machine: &Namespace, text: &str) -> Result<Self> {
        let folder = TempDir::new()?;
        let file = |name: &str| folder.path().join(name);
        fs::write(file("keepalived.conf"), text)?;
        let log = File::create(file("log"))?;
        let mut command = Command::new("keepalived");
        command
            .args(["--dont-fork", "--log-console", "--log-detail"])
            .arg("--use-file")
            .arg(file("keepalived.conf"));
        for (option, name) in [
            ("--pid", "parent.pid"),
            ("--vrrp_pid", "vrrp.pid"),
            ("--checkers_pid", "checkers.pid"),
        ] {
            command.arg(option).arg(file(name));
        }
        command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log);
        Ok(Self {
            process: machine.start(&mut command)?,
            folder,
        })
    }

    fn reload(&mut self, text: &str) -> Result<()> {
        fs::write(self.folder.path().join("keepalived.conf"), text)?;
        self.process.signal(Signal::SIGHUP)
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Keepalived {
    fn drop(&mut self) {
        // Its children end with it only when it is asked.
        let _ended = self.process.signal(Signal::SIGTERM);
        let _waited = self.process.wait(Duration::from_secs(10));
    }
}

/// One configuration with both programs.
struct Pair {
    name: String,
    text: String,
    /// Whether we have anything to serve.
    serves: bool,
    theirs: (Keepalived, World),
    ours: (Agent, World),
}

/// What a machine's table holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
struct Table {
    /// As `ipvsadm -Sn` says, without an order: that of services depends on the namespace.
    saved: BTreeSet<String>,
    /// As `ipvsadm -Ln` says: the servers of each service, in their order, without their
    /// connections.
    listed: BTreeMap<String, Vec<String>>,
}

impl Table {
    fn of(machine: &Namespace) -> Result<Self> {
        machine.enter(|| {
            let mut listed: BTreeMap<String, Vec<String>> = BTreeMap::new();
            let mut service = String::new();
            for line in ipvsadm("-Ln")?.lines().skip(3) {
                let words: Vec<&str> = line.split_whitespace().collect();
                if let ["->", server, method, weight, _, _] = words.as_slice() {
                    let server = format!("{server} {method} {weight}");
                    listed.entry(service.clone()).or_default().push(server);
                } else {
                    service = words.join(" ");
                    listed.entry(service.clone()).or_default();
                }
            }
            let saved = saved()?;
            Ok(Self { saved, listed })
        })
    }
}

impl Pair {
    fn start(path: &Path) -> Result<Option<Self>> {
        let text = shortened(&String::from_utf8_lossy(&fs::read(path)?));
        let is_virtual_server = |line: &str| line.trim_start().starts_with("virtual_server ");
        if !text.lines().any(is_virtual_server) {
            return Ok(None);
        }
        let config = load(&FileSystem, path).config;
        let (theirs, ours) = (World::new(&config)?, World::new(&config)?);
        Ok(Some(Self {
            name: path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            serves: !config.virtual_servers.is_empty(),
            theirs: (Keepalived::start(&theirs.director, &text)?, theirs),
            ours: (Agent::start(&ours.director, &by_ipvs(&text))?, ours),
            text,
        }))
    }

    fn both(&self) -> Result<[Table; 2]> {
        Ok([
            Table::of(&self.theirs.1.director)?,
            Table::of(&self.ours.1.director)?,
        ])
    }

    /// Waits until both tables are the same and satisfy `wanted`, twice in a row.
    fn wait_for(&self, what: &str, wanted: impl Fn(&Table) -> bool) -> Result<Table> {
        let mut before = None;
        let same = wait_until(PATIENCE, || {
            let [theirs, ours] = self.both().ok()?;
            let now = (theirs == ours && wanted(&theirs)).then_some(theirs);
            let twice = now.is_some() && before == now;
            before.clone_from(&now);
            twice.then_some(now).flatten()
        });
        same.with_context(|| {
            let [theirs, ours] = self.both().unwrap_or_default();
            format!(
                "{}: {what}: keepalived has {theirs:#?}, we {ours:#?}\n{}\n{}",
                self.name,
                self.theirs.0.log(),
                self.ours.0.log()
            )
        })
    }

    /// Every weight is another one, the last real server is gone, with its virtual server if it is the
    /// only one, and there is a virtual server more.
    fn reload(&mut self) -> Result<()> {
        let heavier = |line: &str| match line.trim_start().strip_prefix("weight ") {
            Some(weight) => weight
                .trim()
                .parse::<u32>()
                .map_or_else(|_| format!("{line}\n"), |it| format!("weight {}\n", it + 6)),
            None => format!("{line}\n"),
        };
        let text: String = without_last_server(&self.text)
            .lines()
            .map(heavier)
            .collect();
        let text = format!("{MORE}{text}");
        self.theirs.0.reload(&text)?;
        self.ours.0.rewrite(&by_ipvs(&text))?;
        self.ours.0.signal(Signal::SIGHUP)
    }

    fn set(&self, address: IpAddr, there: bool) -> Result<()> {
        self.theirs.1.set(address, there)?;
        self.ours.1.set(address, there)
    }
}

/// What a reload brings.
const MORE: &str = "virtual_server 192.0.2.254 8080 {\nlb_algo rr\nlb_kind DR\nprotocol TCP\n\
                    real_server 10.254.0.1 8080 {\nweight 2\n}\n}\n";

/// The same without its last `real_server` block; as it is, if there is none.
fn without_last_server(text: &str) -> String {
    let is_server = |line: &str| line.trim_start().starts_with("real_server ");
    let lines: Vec<&str> = text.lines().collect();
    let Some(first) = lines.iter().rposition(|line| is_server(line)) else {
        return text.to_owned();
    };
    let (before, block) = lines.split_at(first);
    let (mut depth, mut length) = (0, 0);
    for line in block {
        let code = line.split(['!', '#']).next().unwrap_or_default();
        length += 1;
        depth += code.matches('{').count();
        let shut = code.matches('}').count();
        if shut > 0 && depth <= shut {
            break;
        }
        depth -= shut;
    }
    let after = block.iter().skip(length);
    let kept: Vec<&str> = before.iter().chain(after).copied().collect();
    kept.join("\n")
}

/// For us: the same, by IPVS.
fn by_ipvs(text: &str) -> String {
    format!("global_defs {{\nxdp_mode off\n}}\n{text}")
}

/// Waiting takes a second each time, at most; blanks that keepalived does not take for blanks are
/// some.
fn shortened(text: &str) -> String {
    let text = text.replace(['\u{a0}', '\u{3000}', '\r'], " ");
    let line = |line: &str| {
        let mut words = line.split_whitespace();
        match (words.next(), words.next().map(str::parse::<u32>)) {
            (
                Some(word @ ("delay_loop" | "delay_before_retry" | "connect_timeout")),
                Some(Ok(_)),
            ) => {
                format!("{word} 1\n")
            }
            (Some(word @ ("retry" | "nb_get_retry")), Some(Ok(_))) => format!("{word} 1\n"),
            _ => format!("{line}\n"),
        }
    };
    text.lines().map(line).collect()
}

fn configurations() -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for folder in ["", "tutorials", "mended"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("configs")
            .join(folder);
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            files.push(entry?.path());
        }
    }
    files.retain(|path| path.extension().is_some_and(|it| it == "conf"));
    files.sort();
    Ok(files)
}

#[test]
fn every_tutorial_gives_the_table_that_keepalived_gives() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let mut pairs = Vec::new();
    for path in configurations()? {
        pairs.extend(Pair::start(&path).with_context(|| path.display().to_string())?);
    }
    ensure!(pairs.len() >= 17, "{} configurations", pairs.len());
    let served = pairs.iter().filter(|pair| pair.serves).count();
    ensure!(served >= 13, "only {served} have something to serve");
    let mut full = Vec::new();
    for pair in &pairs {
        full.push(pair.wait_for("at start", |table| table.saved.is_empty() != pair.serves)?);
    }
    // The first server fails everywhere.
    let mut failed = 0;
    let first = |pair: &Pair| pair.ours.1.servers.first().copied();
    for pair in &pairs {
        if let Some(address) = first(pair) {
            pair.set(address, false)?;
        }
    }
    for (pair, full) in pairs.iter().zip(&full) {
        if pair.has_checks() {
            pair.wait_for("with a server less", |table| table != full)?;
            failed += 1;
        }
    }
    ensure!(failed >= 10, "only {failed} have checks");
    for pair in &pairs {
        if let Some(address) = first(pair) {
            pair.set(address, true)?;
        }
    }
    for (pair, full) in pairs.iter().zip(&full) {
        // The one that came back may stand elsewhere.
        let all = |table: &Table| table.saved == full.saved;
        pair.wait_for("with all servers again", all)?;
    }
    for pair in &mut pairs {
        pair.reload()?;
    }
    let more = |table: &Table| table.saved.contains("-A -t 192.0.2.254:8080 -s rr");
    let mut reloaded = 0;
    for pair in &mut pairs {
        // It ends where VRRP's part is of no use.
        if pair.theirs.0.process.ended()?.is_none() {
            pair.wait_for("after a reload", more)?;
            reloaded += 1;
        }
    }
    ensure!(reloaded >= 13, "keepalived has reloaded only {reloaded}");
    Ok(())
}

/// What becomes of servers that fail: sorry servers, each by a method of its own, a quorum, weight 0 instead of an end.
const POOLS: &str = "virtual_server 192.0.2.1 80 {\ndelay_loop 1\nlb_algo wrr\nlb_kind DR\n\
     protocol TCP\nsorry_server 10.254.9.9 80\nsorry_server_lvs_method TUN\nquorum 3\nhysteresis 1\nquorum_up true\n\
     real_server 10.254.0.1 80 {\nweight 2\nTCP_CHECK {\nconnect_timeout 1\n}\n}\n\
     real_server 10.254.0.2 80 {\nweight 2\nTCP_CHECK {\nconnect_timeout 1\n}\n}\n}\n\
     virtual_server 192.0.2.2 80 {\ndelay_loop 1\nlb_algo rr\nlb_kind NAT\nprotocol TCP\n\
     sorry_server 10.254.9.9 80\nsorry_server_lvs_method DR\nsorry_server_inhibit\n\
     real_server 10.254.0.1 80 {\ninhibit_on_failure\nTCP_CHECK {\nconnect_timeout 1\n}\n}\n\
     real_server 10.254.0.2 80 {\ninhibit_on_failure\nTCP_CHECK {\nconnect_timeout 1\n}\n}\n}\n\
     virtual_server 192.0.2.3 80 {\ndelay_loop 1\nlb_algo rr\nlb_kind DR\nprotocol TCP\nalpha\n\
     omega\nreal_server 10.254.0.1 80 {\nTCP_CHECK {\nconnect_timeout 1\n}\n}\n}\n";

#[test]
fn sorry_servers_quorum_and_inhibit_give_the_table_that_keepalived_gives() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let folder = TempDir::new()?;
    let path = folder.path().join("pools.conf");
    fs::write(&path, POOLS)?;
    let pair = Pair::start(&path)?.context("no virtual servers")?;
    let up = |table: &Table| table.saved.len() >= 8;
    let full = pair.wait_for("at start", up)?;
    let servers: Vec<IpAddr> = pair.ours.1.servers.iter().copied().collect();
    let servers = servers.get(..2).context("no servers")?;
    let mut before = full.clone();
    for (server, there) in [(0, false), (1, false), (1, true)] {
        pair.set(servers[server], there)?;
        before = pair.wait_for(&format!("{server} {there}"), |table| *table != before)?;
    }
    pair.set(servers[0], true)?;
    pair.wait_for("with both again", |table| table.saved == full.saved)?;
    Ok(())
}

impl Pair {
    /// Whether the first server is checked.
    fn has_checks(&self) -> bool {
        let first = self.ours.1.servers.first();
        first.is_some_and(|first| self.ours.1.checked.contains(first))
    }
}
