//! What the machine of an instance asks for is done.

use std::time::Instant;

use tracing::{info, warn};

use super::Member;
use crate::vrrp::effects::Kernel;
use crate::vrrp::instance::{Action, Rival};
use crate::vrrp::router::{Interfaces, Outside};
use crate::vrrp::{Change, News, State};

impl Member {
    pub(super) fn carry_out<K: Kernel>(
        &mut self,
        interfaces: &Interfaces,
        outside: &mut Outside<K>,
        now: Instant,
    ) {
        let instance = self.place;
        while let Some(action) = self.machine.poll_action() {
            match action {
                Action::SendAdvert { priority } => self.send_advert(priority, interfaces, outside),
                Action::ArmGate => outside.gate.arm(instance),
                Action::DisarmGate => outside.gate.disarm(instance),
                Action::RemoveResidual => self.remove_residual(interfaces, outside),
                Action::AddAddresses => {
                    self.block(outside);
                    self.addresses.add(&mut outside.kernel, interfaces);
                    self.routing.add(&mut outside.kernel, interfaces);
                }
                Action::RemoveAddresses => {
                    outside.pace.forget(instance);
                    self.routing.remove(&mut outside.kernel);
                    self.addresses.remove(&mut outside.kernel);
                    if std::mem::take(&mut self.blocked) {
                        self.unblock(outside);
                    }
                }
                Action::Announce { address, first } => {
                    self.announce(address, first, interfaces, outside, now);
                }
                Action::AnnounceSource => self.announce_source(interfaces, outside, now),
                Action::Probe { again, others } => {
                    self.probe(again, others, interfaces, outside);
                }
                Action::LowerPriority => {
                    self.heard_lower = true;
                    let priority = self.machine.effective_priority();
                    (outside.listener)(News::LowerPriority { instance, priority });
                }
                Action::Priority { to, .. } => {
                    let state = self.machine.state();
                    self.publish();
                    (outside.listener)(News::Priority {
                        instance,
                        state,
                        priority: to,
                    });
                }
                Action::SplitBrain(rival) => {
                    self.say_split_brain(rival, interfaces);
                    self.publish();
                    (outside.listener)(News::SplitBrain {
                        instance,
                        priority: self.machine.effective_priority(),
                        rival,
                        mac: rival.and_then(|rival| self.mac_of(rival)),
                    });
                }
                Action::Log(line) if !self.repeated.is_due(line, now) => {}
                Action::Log(line) if line.is_warning() => warn!("({}) {line}", self.config.name),
                Action::Log(line) => info!("({}) {line}", self.config.name),
                Action::Changed { from, to } => self.changed(from, to, outside, now),
            }
        }
        let master = self.machine.master();
        // One reason for FAULT may take another's place without a change of state.
        if master != self.master || *self.machine.faults() != self.faults {
            self.master = master;
            self.faults.clone_from(self.machine.faults());
            self.publish();
        }
    }

    fn changed<K: Kernel>(
        &mut self,
        from: State,
        to: State,
        outside: &mut Outside<K>,
        now: Instant,
    ) {
        self.since = now;
        self.board.counters.changed(from, to);
        self.rejections.clear();
        self.mismatches.clear();
        self.repeated.clear();
        self.lower = None;
        self.publish();
        (outside.listener)(News::Changed(Change {
            instance: self.place,
            from,
            to,
            priority: self.machine.effective_priority(),
        }));
    }

    fn mac_of(&self, rival: Rival) -> Option<[u8; 6]> {
        match (rival, self.lower) {
            (Rival::Advertises(theirs), Some((source, mac))) if source == theirs => mac,
            (Rival::Advertises(_), Some(_) | None) => None,
            (Rival::Answers { mac, .. }, _) => Some(mac),
        }
    }

    fn say_split_brain(&self, rival: Option<Rival>, interfaces: &Interfaces) {
        let Some(rival) = rival else {
            return;
        };
        self.board.counters.split();
        let name = &self.config.name;
        let ours = self.source().map_or_else(String::new, |it| it.to_string());
        let our_mac = interfaces
            .by_name(&self.config.interface)
            .map_or_else(String::new, |link| hex(link.mac));
        match rival {
            Rival::Advertises(theirs) => {
                let mac = self.mac_of(rival);
                let mac = mac.map_or_else(|| "MAC unknown".into(), hex);
                warn!(
                    "({name}) SPLIT BRAIN: {theirs} ({mac}) goes on as MASTER beside us, {ours} \
                     ({our_mac}); it does not hear our adverts, or does not accept them"
                );
            }
            Rival::Answers { address, mac } => warn!(
                "({name}) SPLIT BRAIN: {} answers for {address} as well as we, {ours} \
                 ({our_mac}): another MASTER that we do not hear, or a host that has the address \
                 and should not answer for it",
                hex(mac)
            ),
        }
    }
}

fn hex(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}
