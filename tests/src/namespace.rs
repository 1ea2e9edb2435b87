//! One machine: a network namespace.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Mutex, Once, PoisonError};
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, anyhow, ensure};
use nix::sched::{CloneFlags, setns};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

use crate::agent::Told;
use crate::clock::wait_until;
use crate::process::{Process, checked};

/// Every namespace is called `lbt-<process id>-<number>-<label>`.
const PREFIX: &str = "lbt-";

/// Where iproute2 keeps namespaces.
const NETNS: &str = "/run/netns";

/// Where agents leave something behind: a directory named after their instance.
const AGENT_DIRECTORIES: [&str; 3] = ["/sys/fs/bpf/lb-agent", "/run/lb-agent", "/var/lib/lb-agent"];

/// A network namespace with its loopback interface up.
///
/// Dropped, every process in it is killed and the namespace is deleted.
#[derive(Debug)]
pub struct Namespace {
    name: String,
    label: String,
}

impl Namespace {
    /// A new namespace; `label` is the machine's name within its network (at most 15 bytes, since
    /// the switch names its ports after it).
    pub fn new(label: &str) -> Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        static CLEAN: Once = Once::new();
        CLEAN.call_once(remove_stale);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("{}{number}-{label}", own_prefix());
        {
            let closed = CLOSED.lock().unwrap_or_else(PoisonError::into_inner);
            ensure!(!*closed, "this process is taking its namespaces down");
            checked(Command::new("ip").args(["netns", "add", &name]))?;
        }
        let namespace = Self {
            name,
            label: label.to_owned(),
        };
        namespace.ip("link set dev lo up")?;
        Ok(namespace)
    }

    /// Its name, unique on this machine.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its name within its network.
    pub fn label(&self) -> &str {
        &self.label
    }

    /// Runs `work` on a thread that lives in this namespace: sockets opened and programs started
    /// there belong to it, and so does `/proc/sys/net`.
    ///
    /// Unlike `ip netns exec` this leaves mounts alone: /sys/fs/bpf stays what it was.
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        thread::scope(|scope| {
            scope
                .spawn(|| {
                    let path = Path::new(NETNS).join(&self.name);
                    let file = File::open(&path)
                        .with_context(|| format!("cannot open {}", path.display()))?;
                    setns(file, CloneFlags::CLONE_NEWNET)
                        .with_context(|| format!("cannot enter {}", path.display()))?;
                    work()
                })
                .join()
                .unwrap_or_else(|_| Err(anyhow!("a thread in {} panicked", self.name)))
        })
    }

    /// Runs `command` in the namespace to its end and returns its standard output.
    pub fn run(&self, command: &mut Command) -> Result<String> {
        self.enter(|| checked(command))
    }

    /// Starts `command` in the namespace.
    pub fn start(&self, command: &mut Command) -> Result<Process> {
        self.enter(|| Process::start(command))
    }

    /// What `lb-agent <arguments>` says here, asked about the agent of this machine, whether it
    /// runs or not.
    pub fn tell(&self, arguments: &str) -> Result<Told> {
        self.enter(|| Told::by(&self.name, arguments))
    }

    /// Runs `ip <arguments>`, which are separated by blanks.
    pub fn ip(&self, arguments: &str) -> Result<String> {
        let arguments = arguments.split_whitespace();
        checked(Command::new("ip").args(["-n", &self.name]).args(arguments))
    }

    /// Sets `net.<name>`, e.g. `ipv4.conf.all.arp_ignore`. Points separate, so an interface whose
    /// name has one cannot be named.
    pub fn sysctl(&self, name: &str, value: &str) -> Result<()> {
        let path = format!("/proc/sys/net/{}", name.replace('.', "/"));
        self.enter(|| fs::write(&path, value).with_context(|| format!("cannot write {path}")))
    }

    /// How an XDP program is attached to `interface`: `xdp` in the driver, `xdpgeneric` in the
    /// stack; `None`: there is none.
    pub fn program(&self, interface: &str) -> Result<Option<String>> {
        let shown = self.ip(&format!("link show dev {interface}"))?;
        let words: Vec<&str> = shown.split_whitespace().collect();
        Ok(words.contains(&"prog/xdp").then(|| {
            let how = words.iter().find(|word| word.starts_with("xdp"));
            how.map_or_else(String::new, |how| (*how).to_owned())
        }))
    }

    /// Waits until no XDP program is attached to `interface`: the kernel takes one off a while after
    /// the last who held it has let go.
    pub fn wait_until_free(&self, interface: &str) -> Result<()> {
        let free = || self.program(interface).ok()?.is_none().then_some(());
        wait_until(Duration::from_secs(5), free)
            .with_context(|| format!("{}: a program is still on {interface}", self.name))
    }

    /// Whether `address` (without its prefix length) is set on one of the interfaces.
    pub fn has_address(&self, address: &str) -> Result<bool> {
        let listing = self.ip("-oneline address show")?;
        Ok(listing.lines().any(|line| {
            line.split_whitespace()
                .nth(3)
                .and_then(|field| field.split('/').next())
                == Some(address)
        }))
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        remove(&self.name);
    }
}

/// Whether [`remove_own`] has begun: no more namespaces are made.
static CLOSED: Mutex<bool> = Mutex::new(false);

/// Removes everything that this process has made and still stands, for good. For the way out on
/// Ctrl-C, where values are not dropped.
pub fn remove_own() {
    *CLOSED.lock().unwrap_or_else(PoisonError::into_inner) = true;
    remove_all(|name| name.starts_with(&own_prefix()));
}

/// A directory for configurations and logs.
pub(crate) fn scratch() -> Result<TempDir> {
    let directory = tempfile::Builder::new().prefix(&own_prefix()).tempdir();
    directory.context("cannot make a temporary directory")
}

/// Removes what runs have left that are no more.
fn remove_stale() {
    remove_all(|name| {
        name.strip_prefix(PREFIX)
            .and_then(|rest| rest.split_once('-'))
            .is_some_and(|(pid, _)| !is_alive(pid))
    });
}

/// Whether a process runs; one that has ended and waits for its parent to ask has no command line.
fn is_alive(pid: &str) -> bool {
    fs::read(Path::new("/proc").join(pid).join("cmdline")).is_ok_and(|line| !line.is_empty())
}

/// What all names of this process begin with.
fn own_prefix() -> String {
    format!("{PREFIX}{}-", std::process::id())
}

/// Removes the namespaces, the leavings of agents and the scratch directories whose names satisfy
/// `ours`.
fn remove_all(ours: impl Fn(&str) -> bool) {
    for directory in AGENT_DIRECTORIES.into_iter().chain([NETNS]) {
        for name in names_in(Path::new(directory))
            .into_iter()
            .filter(|name| ours(name))
        {
            remove(&name);
        }
    }
    let scratch = std::env::temp_dir();
    for name in names_in(&scratch).into_iter().filter(|name| ours(name)) {
        drop(fs::remove_dir_all(scratch.join(name)));
    }
}

/// Kills the processes of a namespace, deletes it and what its agent has left. Errors do not count:
/// whatever could not be removed now is stale and goes at the next start.
fn remove(name: &str) {
    let namespace = Path::new(NETNS).join(name);
    for pid in processes_in(&namespace) {
        let _gone_already = kill(pid, Signal::SIGKILL);
    }
    drop(checked(Command::new("ip").args(["netns", "delete", name])));
    for directory in AGENT_DIRECTORIES {
        drop(fs::remove_dir_all(Path::new(directory).join(name)));
    }
}

/// The processes whose network namespace is `namespace`, ourselves excepted.
fn processes_in(namespace: &Path) -> Vec<Pid> {
    let identity = |path: &Path| fs::metadata(path).ok().map(|meta| (meta.dev(), meta.ino()));
    let Some(wanted) = identity(namespace) else {
        return Vec::new();
    };
    let own = std::process::id().to_string();
    names_in(Path::new("/proc"))
        .into_iter()
        .filter(|name| *name != own)
        .filter(|name| identity(&proc_net(name)) == Some(wanted))
        .filter_map(|name| name.parse().ok().map(Pid::from_raw))
        .collect()
}

/// Where /proc shows the network namespace of a process.
fn proc_net(pid: &str) -> PathBuf {
    Path::new("/proc").join(pid).join("ns/net")
}

/// Names of the entries of a directory; none if it cannot be read.
fn names_in(directory: &Path) -> Vec<String> {
    fs::read_dir(directory)
        .into_iter()
        .flatten()
        .flatten()
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect()
}
