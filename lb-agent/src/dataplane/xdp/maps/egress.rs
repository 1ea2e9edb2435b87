//! How packets leave by other interfaces than they have come by (`EGRESS`), and which interfaces tagged
//! frames belong to (`VLANS`).

use std::collections::BTreeMap;
use std::num::NonZeroU32;

use aya::programs::{ProgramFd, loaded_programs};
use lb_common::vlan::{MOST_TAGS, Tag, VlanKey};

use super::super::tag;
use super::{Abi, Maps, MapsError};

/// How packets leave by one interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit {
    /// The interface whose driver is given them: the same, or one below it.
    pub port: u32,
    /// The tags that they leave with, the outer one first.
    pub tags: [Tag; MOST_TAGS],
}

impl Exit {
    /// By the interface's own driver.
    pub const fn itself(index: u32) -> Self {
        Self {
            port: index,
            tags: [Tag::NONE; MOST_TAGS],
        }
    }

    fn is_tagged(&self) -> bool {
        self.tags[0].exists()
    }
}

/// How packets leave by one interface, whoever has written that. The program that puts tags on stays in the
/// kernel as long as this is.
pub struct Led {
    port: u32,
    number: Option<NonZeroU32>,
    program: Option<ProgramFd>,
}

impl Led {
    fn new(port: u32, number: Option<NonZeroU32>) -> Self {
        let program = number.and_then(|number| {
            let mut all = loaded_programs().filter_map(Result::ok);
            all.find(|it| it.id() == number.get())?.fd().ok()
        });
        Self {
            port,
            number,
            program,
        }
    }

    /// The interface whose driver is given them.
    pub const fn port(&self) -> u32 {
        self.port
    }

    /// Whether a program puts tags on.
    pub const fn is_tagged(&self) -> bool {
        self.number.is_some()
    }
}

impl Maps {
    /// How packets leave by every interface that they may leave by.
    pub fn exits(&self) -> BTreeMap<u32, Led> {
        let led = |index| {
            let found = self.egress.get(index, 0).ok()?;
            Some((index, Led::new(found.if_index, found.prog_id)))
        };
        self.egress().into_iter().filter_map(led).collect()
    }

    /// Lets packets leave by exactly these interfaces, as they did. One that the kernel refuses does not keep
    /// the others.
    pub fn restore_exits(&mut self, exits: &BTreeMap<u32, Led>) -> Result<(), MapsError> {
        let interfaces: Vec<u32> = exits.keys().copied().collect();
        self.keep_exits(&interfaces);
        let mut refused = Vec::new();
        for (index, led) in exits {
            let now = self.egress.get(*index, 0);
            if now.is_ok_and(|now| (now.if_index, now.prog_id) == (led.port, led.number)) {
                continue;
            }
            self.exits.remove(index);
            if led.number.is_some() && led.program.is_none() {
                refused.push((*index, "the program for its tags is gone".to_owned()));
                continue;
            }
            let written = self
                .egress
                .insert(*index, led.port, led.program.as_ref(), 0);
            if let Err(error) = written {
                refused.push((*index, root(&error)));
            }
        }
        if refused.is_empty() {
            Ok(())
        } else {
            Err(MapsError::Egress { refused })
        }
    }

    /// Lets packets be redirected to exactly these interfaces, by their own drivers. One that the kernel
    /// refuses does not keep the others.
    pub fn set_egress(&mut self, interfaces: &[u32]) -> Result<(), MapsError> {
        self.keep_exits(interfaces);
        let exits = interfaces
            .iter()
            .map(|index| (*index, Exit::itself(*index)));
        self.add_exits(&exits.collect())
    }

    /// Lets packets be redirected to these interfaces as well, and in this way. One that the kernel refuses
    /// does not keep the others.
    pub fn add_exits(&mut self, exits: &BTreeMap<u32, Exit>) -> Result<(), MapsError> {
        let old = self.egress();
        let mut refused = Vec::new();
        for (index, exit) in exits {
            if old.contains(index) && self.is_written(*index, exit) {
                continue;
            }
            match self.write_exit(*index, exit) {
                Ok(()) => {
                    self.exits.insert(*index, *exit);
                }
                Err(why) => refused.push((*index, why)),
            }
        }
        if refused.is_empty() {
            Ok(())
        } else {
            Err(MapsError::Egress { refused })
        }
    }

    /// Keeps of the interfaces that packets may be redirected to only these, in the way they are.
    pub fn keep_exits(&mut self, interfaces: &[u32]) {
        for gone in self.egress() {
            if !interfaces.contains(&gone) {
                // The kernel takes an interface out by itself when it goes.
                let _gone_already = self.egress.remove(gone);
                self.exits.remove(&gone);
            }
        }
    }

    /// Whether a place of the map is known to lead there. Which tags are put on cannot be read: it is known
    /// of those that this agent has written itself.
    fn is_written(&self, index: u32, exit: &Exit) -> bool {
        if let Some(written) = self.exits.get(&index) {
            return written == exit;
        }
        let found = self.egress.get(index, 0);
        let is_plain = found.is_ok_and(|it| it.if_index == exit.port && it.prog_id.is_none());
        is_plain && !exit.is_tagged()
    }

    fn write_exit(&mut self, index: u32, exit: &Exit) -> Result<(), String> {
        if !exit.is_tagged() {
            let written = self.egress.insert(index, exit.port, None, 0);
            return written.map_err(|error| root(&error));
        }
        let push = tag::load(exit.tags).map_err(|error| root(&error))?;
        let program = push.program().map_err(|error| root(&error))?;
        // From here on the map holds it.
        let written = self.egress.insert(index, exit.port, Some(program), 0);
        written.map_err(|error| root(&error))
    }

    /// Which interfaces tagged frames belong to.
    pub fn vlans(&self) -> BTreeMap<VlanKey, u32> {
        let all = self.vlans.iter().filter_map(Result::ok);
        all.map(|(key, index)| (key.0, index)).collect()
    }

    /// Sets which interfaces tagged frames belong to: those of all others are the kernel's. What the map
    /// refuses does not keep the others.
    pub fn set_vlans(&mut self, vlans: &BTreeMap<VlanKey, u32>) -> Result<(), MapsError> {
        let old = self.vlans();
        for gone in old.keys().filter(|key| !vlans.contains_key(key)) {
            let removed = self.vlans.remove(&Abi(*gone));
            removed.map_err(MapsError::write("VLANS"))?;
        }
        let mut refused = Vec::new();
        for (key, index) in vlans {
            if old.get(key) == Some(index) {
                continue;
            }
            if let Err(error) = self.vlans.insert(Abi(*key), *index, 0) {
                refused.push((*key, root(&error)));
            }
        }
        if refused.is_empty() {
            Ok(())
        } else {
            Err(MapsError::Vlans { refused })
        }
    }
}

/// The first cause of an error, which names it best.
fn root(error: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.last().map_or_else(String::new, ToString::to_string)
}
