//! Whose XDP program is on an interface where ours cannot go.
//!
//! The kernel says only that there is one. Its number comes from the interface, its name and whether a
//! BPF link attaches it from the kernel's lists of programs and links (which need `CAP_SYS_ADMIN`), what
//! libxdp's dispatcher calls from libxdp's pins, and who holds it from /proc. Nothing is changed here.
//!
//! To look through the files of all processes takes a while: [`Occupants`] does so once for each program.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use aya::programs::links::LinkType;
use aya::programs::{ProgramInfo, loaded_links, loaded_programs};

use super::super::pins::BPF_FS;
use crate::net::link;
use crate::net::netlink::Connection;

/// What libxdp's dispatcher is called (libxdp, "Protocol for atomic loading of multi-prog
/// dispatchers").
const DISPATCHER: &str = "xdp_dispatcher";

/// Our own name, as the kernel shortens it or not.
const OURS: &str = "lb_agent";

/// So many programs a dispatcher calls at most, by the same.
const COMPONENTS: u32 = 10;

/// An XDP program that is not ours, or of another instance.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Occupant {
    /// The kernel's number of it.
    pub id: u32,
    /// Its name, of which kernels keep 15 characters; empty: it has none, or it cannot be asked.
    pub name: String,
    /// What libxdp's dispatcher calls, in order; empty unless it is one, and its pins are found.
    pub components: Vec<Component>,
    /// Who has it, or its attachment, open, as far as we may see that: by number of the process.
    pub holders: Vec<Holder>,
    /// It is attached by a BPF link, which nobody but its holder ends.
    pub by_link: bool,
}

/// A process that has a program, or its attachment, open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// Its number.
    pub pid: u32,
    /// Its name, as the kernel shortens it; empty: it has just gone.
    pub name: String,
}

impl Holder {
    fn of(pid: u32) -> Self {
        let name = fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default();
        Self {
            pid,
            name: name.trim().to_owned(),
        }
    }

    /// Whether a process of this number and name still is there.
    fn is_there(&self) -> bool {
        Self::of(self.pid) == *self && !self.name.is_empty()
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} (pid {})", self.name, self.pid)
    }
}

/// A program that a dispatcher calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Component {
    /// The kernel's number of it.
    pub id: u32,
    /// Its name.
    pub name: String,
}

impl Occupant {
    /// What there is to know of the program `id`, which is on an interface.
    fn of(ifindex: u32, id: u32) -> Self {
        let name = name_of(id).unwrap_or_default();
        let components = if name == DISPATCHER {
            components(ifindex, id)
        } else {
            Vec::new()
        };
        let (holders, by_link) = holders(id);
        Self {
            id,
            name,
            components,
            holders,
            by_link: by_link || is_linked(id),
        }
    }

    /// Whether it is libxdp's dispatcher.
    pub fn is_dispatcher(&self) -> bool {
        self.name == DISPATCHER
    }

    /// Who is there, and what to do about it.
    pub fn describe(&self, interface: &str) -> String {
        let name = if self.name.is_empty() {
            "a program whose name is not known"
        } else {
            &self.name
        };
        let id = self.id;
        let held = match self.holders.as_slice() {
            [] => String::new(),
            all => {
                let all: Vec<String> = all.iter().map(ToString::to_string).collect();
                format!(", held by {}", all.join(", "))
            }
        };
        if self.is_dispatcher() {
            let calls = match self.components.as_slice() {
                [] => String::new(),
                all => {
                    let all = all.iter().map(|it| format!("{} (id {})", it.name, it.id));
                    format!(", which calls {}", all.collect::<Vec<_>>().join(", "))
                }
            };
            return format!(
                "another XDP program is attached there: libxdp's dispatcher {name} (id \
                 {id}){calls}{held}; `xdp-loader unload {interface} --all` removes it"
            );
        }
        let remedy = if name == OURS {
            "it is that of another instance of lb-agent, which has to leave the interface"
                .to_owned()
        } else if self.by_link && self.holders.is_empty() {
            format!(
                "no process that may be looked into here has it open: it goes when its pin is removed, \
                 below {BPF_FS} as a rule, or when its holder ends"
            )
        } else if self.by_link {
            "it goes when that ends, or its pin is removed".to_owned()
        } else {
            format!("`ip link set dev {interface} xdp off` removes it")
        };
        format!("another XDP program is attached there: {name} (id {id}){held}; {remedy}")
    }
}

/// Who is on the interfaces where ours cannot go.
#[derive(Debug, Default)]
pub(super) struct Occupants {
    /// By interface, as they were found.
    found: BTreeMap<u32, Occupant>,
}

impl Occupants {
    /// Who is on an interface; `None`: nobody, or it cannot be found out. Who has been found there before
    /// and still is there is not looked for again; holders of it that have gone are left out.
    pub(super) fn on(&mut self, ifindex: u32) -> Option<&Occupant> {
        let mut connection = Connection::open().ok()?;
        let id = link::xdp_program(&mut connection, ifindex).ok().flatten();
        self.is_now(ifindex, id, Occupant::of, Holder::is_there)
    }

    /// The program `id` is on an interface now, and `of` tells more of it.
    fn is_now(
        &mut self,
        ifindex: u32,
        id: Option<u32>,
        of: impl FnOnce(u32, u32) -> Occupant,
        is_there: impl Fn(&Holder) -> bool,
    ) -> Option<&Occupant> {
        self.found
            .retain(|it, known| *it != ifindex || Some(known.id) == id);
        if let Some(known) = self.found.get_mut(&ifindex) {
            known.holders.retain(is_there);
        }
        let id = id?;
        Some(self.found.entry(ifindex).or_insert_with(|| of(ifindex, id)))
    }
}

/// Whether a BPF link attaches a program, as far as the kernel tells us.
fn is_linked(id: u32) -> bool {
    let mut links = loaded_links().filter_map(Result::ok);
    links.any(|it| it.program_id() == id && it.link_type().is_ok_and(|kind| kind == LinkType::Xdp))
}

/// The name of a program.
fn name_of(id: u32) -> Option<String> {
    let mut all = loaded_programs().filter_map(Result::ok);
    named(&all.find(|it| it.id() == id)?)
}

fn named(info: &ProgramInfo) -> Option<String> {
    info.name_as_str().map(str::to_owned)
}

/// What the dispatcher `id` on an interface calls, as libxdp pins it.
fn components(ifindex: u32, id: u32) -> Vec<Component> {
    let folder = folder(ifindex, id);
    (0..COMPONENTS)
        .map_while(|number| {
            let pin = folder.join(format!("prog{number}-prog"));
            pin.exists().then(|| ProgramInfo::from_pin(pin).ok())
        })
        .flatten()
        .filter_map(|info| {
            Some(Component {
                id: info.id(),
                name: named(&info)?,
            })
        })
        .collect()
}

/// Where libxdp pins what a dispatcher calls.
fn folder(ifindex: u32, id: u32) -> PathBuf {
    Path::new(BPF_FS)
        .join("xdp")
        .join(format!("dispatch-{ifindex}-{id}"))
}

/// The processes that have program `id` or an attachment of it open, ourselves excepted; and whether
/// there is such an attachment.
fn holders(id: u32) -> (Vec<Holder>, bool) {
    let own = std::process::id();
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let processes: BTreeSet<u32> = entries
        .filter_map(|it| it.file_name().to_str()?.parse().ok())
        .filter(|pid| *pid != own)
        .collect();
    let mut holders = Vec::new();
    let mut by_link = false;
    for pid in processes {
        let held = held_by(pid, id);
        by_link |= held == Some(Held::Link);
        if held.is_some() {
            holders.push(Holder::of(pid));
        }
    }
    (holders, by_link)
}

/// What a process has of a program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Held {
    /// The program.
    Program,
    /// An attachment of it.
    Link,
}

fn held_by(pid: u32, id: u32) -> Option<Held> {
    let files = fs::read_dir(format!("/proc/{pid}/fd")).ok()?.flatten();
    files
        .filter_map(|file| {
            let kind = match fs::read_link(file.path()).ok()?.to_str()? {
                "anon_inode:bpf-prog" => Held::Program,
                "anon_inode:bpf_link" | "anon_inode:bpf-link" => Held::Link,
                _ => return None,
            };
            let number = file.file_name();
            let path = format!("/proc/{pid}/fdinfo/{}", number.to_str()?);
            speaks_of(&fs::read_to_string(path).ok()?, id).then_some(kind)
        })
        .max()
}

/// Whether the text of an `fdinfo` file is that of program `id`, or of an attachment of it.
fn speaks_of(text: &str, id: u32) -> bool {
    text.lines().any(|line| {
        let value = line.strip_prefix("prog_id:").map(str::trim);
        value.and_then(|it| it.parse().ok()) == Some(id)
    })
}

#[cfg(test)]
mod tests;
