//! For whom the program is attached with `xdp_attach master`. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::Director;
use crate::config::model::{VrrpInstance, XdpAttach};
use crate::vrrp::State;

/// Beyond the time in which an instance becomes MASTER if nobody else is.
const GRACE: Duration = Duration::from_secs(1);

/// The instances that are MASTER, and those that an agent before us was MASTER of.
#[derive(Clone, Debug, Default)]
pub(super) struct Masters {
    now: BTreeSet<String>,
    /// They have not heard yet that the program is attached for them.
    new: Vec<String>,
    /// Not MASTER, but attached until then: to take the program off and put it on again costs many
    /// cards their link, and an agent that was started anew is most often MASTER again.
    kept: BTreeMap<String, Instant>,
}

impl Masters {
    /// Whether the program is to be attached for the instance.
    pub(super) fn have_the_program(&self, instance: &str) -> bool {
        self.now.contains(instance) || self.kept.contains_key(instance)
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.kept.values().min().copied()
    }

    /// Somebody else is MASTER by now; whether anything has changed.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> bool {
        let before = self.kept.len();
        self.kept.retain(|_, until| *until > now);
        self.kept.len() != before
    }

    /// After a reload: only those that are configured.
    pub(super) fn retain(&mut self, configured: impl Fn(&String) -> bool) {
        self.now.retain(&configured);
        self.new.retain(&configured);
        self.kept.retain(|name, _| configured(name));
    }

    pub(super) fn contains(&self, instance: &String) -> bool {
        self.now.contains(instance)
    }

    #[cfg(test)]
    pub(super) fn names(&self) -> Vec<&str> {
        self.now.iter().map(String::as_str).collect()
    }

    fn handle_role(&mut self, instance: &str, to: State) {
        if to == State::Master {
            self.kept.remove(instance);
            if self.now.insert(instance.to_owned()) {
                self.new.push(instance.to_owned());
            }
            return;
        }
        self.now.remove(instance);
        // A BACKUP may be MASTER in a moment, the others may not.
        if to != State::Backup {
            self.kept.remove(instance);
        }
    }
}

impl Director {
    /// The state of an instance is another.
    pub fn handle_role(&mut self, instance: &str, to: State) {
        self.masters.handle_role(instance, to);
    }

    /// The instances that have become MASTER since this was asked last.
    pub fn take_new_masters(&mut self) -> Vec<String> {
        std::mem::take(&mut self.masters.new)
    }

    /// An agent before us was MASTER of those whose gate `is_armed`, and has left the program
    /// attached: it stays until it is known who is MASTER now.
    pub fn hold_attachments(&mut self, is_armed: impl Fn(u16) -> bool, now: Instant) {
        if self.config.global_defs.xdp_attach != XdpAttach::Master {
            return;
        }
        let delay = self.config.global_defs.vrrp.vrrp_startup_delay;
        for instance in &self.config.vrrp_instances {
            if self.gates.of(&instance.name).is_some_and(&is_armed) {
                let until = now + delay + becomes_master_within(instance) + GRACE;
                self.masters.kept.insert(instance.name.clone(), until);
            }
        }
    }
}

/// The longest that a BACKUP which hears nobody waits: its skew is less than one interval, and in
/// version 2 less than a second.
fn becomes_master_within(instance: &VrrpInstance) -> Duration {
    let skew = instance.advert_int.max(Duration::from_secs(1));
    instance.advert_int * u32::from(instance.down_timer_adverts) + skew
}
