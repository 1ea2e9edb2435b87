//! What an agent that was killed has left in the kernel, taken away without an agent that runs.

use std::time::Instant;

use tracing::{error, warn};

use super::Router;
use crate::vrrp::effects::Kernel;
use crate::vrrp::settings::Vmac;

impl<K: Kernel> Router<K> {
    /// Removes what instances with these settings may have left: filters, routes and rules,
    /// addresses, interfaces of their own. Nothing is started; what cannot be removed is said.
    pub fn remove_residual(&mut self, now: Instant) {
        match self.outside.kernel.links() {
            Ok(links) => links
                .into_iter()
                .for_each(|link| self.interfaces.insert(link)),
            Err(error) => return error!("{error}"),
        }
        self.read_sources(now);
        for member in &self.members {
            member.remove_residual(&self.interfaces, &mut self.outside);
        }
        let vmacs = self.members.iter().flat_map(|it| it.config.vmacs());
        let made = vmacs.filter(|vmac| self.was_made(vmac));
        let names: Vec<String> = made.map(|vmac| vmac.name.clone()).collect();
        for name in names {
            match self.outside.kernel.remove_link(&name) {
                Ok(()) => warn!("interface {name} was left by an earlier run; removed"),
                Err(error) => error!("{error}"),
            }
        }
    }

    /// Whether the interface is there and such as we make it.
    fn was_made(&self, vmac: &Vmac) -> bool {
        let link = self.interfaces.by_name(&vmac.name);
        link.zip(self.interfaces.by_name(&vmac.base))
            .is_some_and(|(link, base)| vmac.is(link, base.index))
    }
}
