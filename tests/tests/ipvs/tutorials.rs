//! Every tutorial's configuration with a virtual server, given to Debian's keepalived and to us:
//! the kernel's tables are the same, also after a server has failed and come back.
//!
//! Each program has a machine of its own on which the servers of the configuration answer. Waiting
//! times are shortened, which changes no table.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::net::{IpAddr, SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lb_agent::config::model::Config;
use lb_agent::config::{FileSystem, load};
use lb_tests::{Agent, Namespace, Need, Process, skipped, wait_until};
use tempfile::TempDir;

use crate::ipvsadm::{ipvsadm, saved};

const PATIENCE: Duration = Duration::from_mins(2);

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
                match listener.accept() {
                    Ok((stream, _)) => answer(stream),
                    Err(_none) => std::thread::sleep(Duration::from_millis(50)),
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

    fn log(&self) -> String {
        fs::read_to_string(self.folder.path().join("log")).unwrap_or_default()
    }
}

impl Drop for Keepalived {
    fn drop(&mut self) {
        // Its children end with it only when it is asked.
        let _ended = self.process.signal(nix::sys::signal::Signal::SIGTERM);
        let _waited = self.process.wait(Duration::from_secs(10));
    }
}

/// One configuration with both programs.
struct Pair {
    name: String,
    theirs: (Keepalived, World),
    ours: (Agent, World),
}

/// What a machine's table holds: as `ipvsadm -Sn` and as `ipvsadm -Ln` say, without an order, and
/// without what has gone by meanwhile.
fn tables(machine: &Namespace) -> Result<(BTreeSet<String>, BTreeSet<String>)> {
    machine.enter(|| {
        let listed = ipvsadm("-Ln")?;
        let columns = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["->", server, method, weight, _, _] => format!("-> {server} {method} {weight}"),
                others => others.join(" "),
            }
        };
        let listed = listed.lines().skip(1).map(columns).collect();
        Ok((saved()?, listed))
    })
}

impl Pair {
    fn start(path: &Path) -> Result<Option<Self>> {
        let loaded = load(&FileSystem, path);
        if loaded.config.virtual_servers.is_empty() {
            return Ok(None);
        }
        let text = fs::read_to_string(path)?;
        let text = shortened(&text);
        let worlds = [World::new(&loaded.config)?, World::new(&loaded.config)?];
        let [theirs, ours] = worlds;
        let ours_text = format!("global_defs {{\nxdp_mode off\n}}\n{text}");
        Ok(Some(Self {
            name: path
                .file_name()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            theirs: (Keepalived::start(&theirs.director, &text)?, theirs),
            ours: (Agent::start(&ours.director, &ours_text)?, ours),
        }))
    }

    fn both(&self) -> Result<[(BTreeSet<String>, BTreeSet<String>); 2]> {
        Ok([
            tables(&self.theirs.1.director)?,
            tables(&self.ours.1.director)?,
        ])
    }

    /// Waits until both tables are the same and satisfy `wanted`, twice in a row.
    fn wait_for(
        &self,
        what: &str,
        wanted: impl Fn(&BTreeSet<String>) -> bool,
    ) -> Result<BTreeSet<String>> {
        let mut before = None;
        let same = wait_until(PATIENCE, || {
            let [theirs, ours] = self.both().ok()?;
            let now = (theirs == ours && wanted(&theirs.0)).then_some(theirs.0);
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

    fn set(&self, address: IpAddr, there: bool) -> Result<()> {
        self.theirs.1.set(address, there)?;
        self.ours.1.set(address, there)
    }
}

/// Waiting takes a second each time, at most.
fn shortened(text: &str) -> String {
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
    for folder in ["tutorials", "mended"] {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("configs")
            .join(folder);
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            files.push(entry?.path());
        }
    }
    files.sort();
    Ok(files)
}

#[test]
fn every_tutorial_gives_the_table_that_keepalived_gives() -> Result<()> {
    let needs = [
        Need::Root,
        Need::Namespaces,
        Need::Program("ip"),
        Need::Ipvs,
        Need::Program("ipvsadm"),
        Need::Program("keepalived"),
    ];
    if skipped(&needs) {
        return Ok(());
    }
    let mut pairs = Vec::new();
    for path in configurations()? {
        pairs.extend(Pair::start(&path).with_context(|| path.display().to_string())?);
    }
    ensure!(pairs.len() >= 15, "{} configurations", pairs.len());
    let mut full = Vec::new();
    for pair in &pairs {
        full.push(pair.wait_for("at start", |table| !table.is_empty())?);
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
        let checked = |table: &BTreeSet<String>| table != full;
        if pair.has_checks() {
            pair.wait_for("with a server less", checked)?;
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
        pair.wait_for("with all servers again", |table| table == full)?;
    }
    Ok(())
}

impl Pair {
    /// Whether the first server is checked.
    fn has_checks(&self) -> bool {
        let first = self.ours.1.servers.first();
        first.is_some_and(|first| self.ours.1.checked.contains(first))
    }
}
