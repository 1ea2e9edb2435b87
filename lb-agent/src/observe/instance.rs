//! A VRRP instance as VRRP knows it, as a record for `dump`.

use super::model::{FaultView, InstanceView, Mac, PeerView, RivalView, TrackedView};
use crate::vrrp::State;
use crate::vrrp::instance::Rival;
use crate::vrrp::settings::Kind;
use crate::vrrp::status::{InstanceStatus, PeerStatus, Reason, TrackedStatus};

impl From<InstanceStatus> for InstanceView {
    fn from(status: InstanceStatus) -> Self {
        Self {
            name: status.name,
            interface: status.interface,
            virtual_router_id: status.virtual_router_id,
            version: status.version,
            state: name(status.state).into(),
            in_state: status.in_state,
            priority: status.priority,
            effective_priority: status.effective_priority,
            advert_interval: status.advert_int,
            master: status.master,
            master_priority: status.master_priority,
            virtual_ipaddress: status
                .virtual_ipaddress
                .iter()
                .map(|it| it.address)
                .collect(),
            sync_group: status.sync_group,
            faults: status.faults.iter().map(Into::into).collect(),
            tracked: status.tracked.into_iter().map(Into::into).collect(),
            split_brain: status.split_brain.map(Into::into),
            peers: status.peers.into_iter().map(Into::into).collect(),
            stats: status.stats,
        }
    }
}

/// The state in keepalived's words.
const fn name(state: State) -> &'static str {
    match state {
        State::Init => "INIT",
        State::Backup => "BACKUP",
        State::Master => "MASTER",
        State::Fault => "FAULT",
    }
}

impl From<&Reason> for FaultView {
    fn from(reason: &Reason) -> Self {
        Self {
            reason: reason.word().into(),
            text: reason.to_string(),
        }
    }
}

impl From<TrackedStatus> for TrackedView {
    fn from(status: TrackedStatus) -> Self {
        let kind = match status.kind {
            Kind::Interface => "interface",
            Kind::Script => "script",
            Kind::File => "file",
            Kind::Process => "process",
            Kind::Bfd => "bfd",
            Kind::Static => "track_group",
        };
        Self {
            kind: kind.into(),
            name: status.name,
            weight: status.weight,
            reverse: status.reverse,
            up: status.up,
            value: status.value,
            adjustment: status.adjustment,
            fault: status.fault,
        }
    }
}

impl From<Rival> for RivalView {
    fn from(rival: Rival) -> Self {
        match rival {
            Rival::Advertises(address) => Self {
                address,
                advertises: true,
                mac: None,
            },
            Rival::Answers { address, mac } => Self {
                address,
                advertises: false,
                mac: Some(Mac(mac)),
            },
        }
    }
}

impl From<PeerStatus> for PeerView {
    fn from(status: PeerStatus) -> Self {
        Self {
            address: status.address,
            priority: status.priority,
            advert_interval: status.adver_int,
            heard: status.ago,
        }
    }
}
