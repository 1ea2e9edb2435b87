//! Interfaces that have the name of a VMAC and are none: whoever needs that VMAC cannot take part, and
//! sets nothing on what is somebody else's.

use std::time::Instant;

use tracing::{error, info};

use super::Router;
use crate::net::link::{Link, LinkKind};
use crate::vrrp::effects::Kernel;
use crate::vrrp::instance::{Fault, Input};
use crate::vrrp::settings::{VirtualRouter, Vmac};

/// A VMAC whose name is another interface's.
pub(super) struct Taken {
    vmac: Vmac,
    kind: LinkKind,
}

impl Taken {
    /// Says so: nobody but the operator can end it.
    pub(super) fn say(&self, instance: &str) {
        let Vmac { name, base, .. } = &self.vmac;
        error!(
            "({instance}) interface {name} is there already, and is no VMAC of this instance on {base} \
             but {:?}: FAULT until it is removed or renamed, or use_vmac has another name",
            self.kind
        );
    }
}

impl<K: Kernel> Router<K> {
    /// Whether an interface with the name of a VMAC is neither that nor what an earlier run has made,
    /// which is used or made anew. While the interface below is not there it stands on another one,
    /// whoever has made it.
    pub(super) fn is_foreign(&self, vmac: &Vmac, link: &Link) -> bool {
        if self.made.has(&vmac.name) {
            return false;
        }
        // Later ones are of somebody who runs beside us: both would make theirs for ever.
        let earlier = self.earlier.as_ref();
        let is_left =
            earlier.is_some_and(|it| it.contains(&link.index)) && vmac.may_be_of_a_router(link);
        let base = self.interfaces.by_name(&vmac.base);
        base.is_none_or(|base| !vmac.is(link, base.index) && !is_left)
    }

    /// The first VMAC of an instance that cannot be made for its name.
    pub(super) fn taken_from(&self, config: &VirtualRouter) -> Option<Taken> {
        config.vmacs().find_map(|vmac| {
            let link = self.interfaces.by_name(&vmac.name)?;
            self.is_foreign(vmac, link).then(|| Taken {
                vmac: vmac.clone(),
                kind: link.kind.clone(),
            })
        })
    }

    /// Tells every instance whether the names of its VMACs are free. VMACs whose names have become free
    /// are made.
    pub(super) fn judge_names(&mut self, now: Instant) {
        let mut freed = Vec::new();
        for place in 0..self.members.len() {
            let Some(member) = self.members.get(place) else {
                continue;
            };
            let taken = self.taken_from(&member.config);
            let name = &member.config.name;
            if taken.is_some() == member.has_fault(Fault::VmacNameTaken) {
                continue;
            }
            if let Some(taken) = &taken {
                taken.say(name);
            } else {
                info!("({name}) the names of its VMACs are free");
                freed.extend(member.config.vmacs().map(|vmac| vmac.base.clone()));
            }
            let input = Input::VmacNameTaken(taken.is_some());
            if let Some(member) = self.members.get_mut(place) {
                member.handle(input, &self.interfaces, &mut self.outside, now);
            }
        }
        freed.sort();
        freed.dedup();
        for base in freed {
            if let Some(base) = self.interfaces.by_name(&base).cloned() {
                self.make_vmacs(&base);
            }
        }
    }
}
