//! What VRRP says, in the words of scripts, FIFOs and mails.

use super::Telling;
use crate::notify::event::{Event, Rival, State, Subject, What};
use crate::notify::from_config::{Audience, Told};
use crate::vrrp::status::InstanceStatus;
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

    /// Names of the sync groups, in the order of the configuration.
    pub(in crate::runtime::supervisor) fn groups(&self) -> impl Iterator<Item = &str> {
        let groups = self.settings.groups.iter();
        groups.map(|told| match &told.subject {
            Subject::Group(name) | Subject::Instance(name) => name.as_str(),
        })
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

    /// Writes the state of every instance and group to the FIFOs, as at the end of a reload; no
    /// script runs for it and no mail is sent. `instances` stand in the order of the configuration.
    pub(in crate::runtime::supervisor) fn write_states(&self, instances: &[InstanceStatus]) {
        for (told, status) in self.settings.instances.iter().zip(instances) {
            self.write_state(told, status.state, status.effective_priority);
        }
        for told in &self.settings.groups {
            let Subject::Group(name) = &told.subject else {
                continue;
            };
            let members = || {
                let members = instances.iter();
                members.filter(|it| it.sync_group.as_ref() == Some(name))
            };
            let all = |state| members().all(|it| it.state == state);
            let state = if all(vrrp::State::Master) {
                vrrp::State::Master
            } else if members().any(|it| it.state == vrrp::State::Fault) {
                vrrp::State::Fault
            } else {
                vrrp::State::Backup
            };
            self.write_state(told, state, 0);
        }
    }

    fn write_state(&self, told: &Told, state: vrrp::State, priority: u8) {
        let event = Event {
            subject: told.subject.clone(),
            what: What::Entered(entered(state)),
            priority,
        };
        if let Some(line) = event.line() {
            self.write(&line, Audience::Vrrp);
        }
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
