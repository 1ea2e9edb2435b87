//! What VRRP says, in the words of scripts, FIFOs and mails.

use super::Telling;
use crate::notify::event::{Event, Rival, State, What};
use crate::notify::from_config::Told;
use crate::vrrp::{self, News, instance};

impl Telling {
    /// Tells what the VRRP thread has said.
    pub(in crate::runtime::supervisor) fn handle_news(&self, news: &News) {
        match *news {
            News::Changed(change) => {
                let what = What::Entered(entered(change.to));
                self.tell_instance(change.instance, what, change.priority);
            }
            News::Group { group, to } => {
                if let Some(told) = self.settings.groups.get(group) {
                    self.tell_of(told, What::Entered(entered(to)), 0);
                }
            }
            News::Priority {
                instance,
                state,
                priority,
            } => match state {
                vrrp::State::Master | vrrp::State::Backup => {
                    let what = What::Priority(entered(state));
                    self.tell_instance(instance, what, priority);
                }
                vrrp::State::Init | vrrp::State::Fault => {}
            },
            News::LowerPriority { instance, priority } => {
                self.tell_instance(instance, What::MasterRxLowerPri, priority);
            }
            News::SplitBrain {
                instance,
                priority,
                rival,
                mac,
            } => {
                let rival = rival.map(|rival| other(rival, mac));
                self.tell_instance(instance, What::SplitBrain(rival), priority);
            }
            News::Reloaded => {}
        }
    }

    /// An instance was removed by a reload: DELETED with `notify_deleted`, else FAULT.
    pub(in crate::runtime::supervisor) fn handle_deleted(&self, instance: usize, priority: u8) {
        let told = self.settings.instances.get(instance);
        let state = if told.is_some_and(|told| told.notify_deleted) {
            State::Deleted
        } else {
            State::Fault
        };
        self.tell_instance(instance, What::Entered(state), priority);
    }

    fn tell_instance(&self, instance: usize, what: What, priority: u8) {
        if let Some(told) = self.settings.instances.get(instance) {
            self.tell_of(told, what, priority);
        }
    }

    fn tell_of(&self, told: &Told, what: What, priority: u8) {
        let event = Event {
            subject: told.subject.clone(),
            what,
            priority,
        };
        self.tell(told, &event);
    }
}

const fn entered(state: vrrp::State) -> State {
    match state {
        vrrp::State::Init => State::Stop,
        vrrp::State::Backup => State::Backup,
        vrrp::State::Master => State::Master,
        vrrp::State::Fault => State::Fault,
    }
}

fn other(rival: instance::Rival, heard: Option<[u8; 6]>) -> Rival {
    match rival {
        instance::Rival::Advertises(address) => Rival {
            address,
            mac: heard,
        },
        instance::Rival::Answers { address, mac } => Rival {
            address,
            mac: Some(mac),
        },
    }
}

#[cfg(test)]
mod tests;
