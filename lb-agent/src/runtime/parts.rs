//! Which parts of a configuration count: keepalived's `-P`, `-C`, `-B` and `-u`.

use crate::config::model::Config;

/// What the command line leaves out or puts in the place of what the file says.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Parts {
    /// `-P`: no virtual servers.
    pub only_vrrp: bool,
    /// `-C`: no VRRP.
    pub only_virtual_servers: bool,
    /// `-B`: no BFD.
    pub no_bfd: bool,
    /// `-u`: of the files that signals write.
    pub umask: Option<u16>,
}

impl Parts {
    /// Leaves out of a configuration what does not count.
    pub fn apply(&self, config: &mut Config) {
        if self.only_vrrp {
            config.virtual_servers.clear();
            config.virtual_server_groups.clear();
        }
        if self.only_virtual_servers {
            config.vrrp_instances.clear();
            config.vrrp_sync_groups.clear();
            config.static_ipaddress.clear();
            config.static_routes.clear();
            config.static_rules.clear();
        }
        if self.no_bfd {
            config.bfd_instances.clear();
            let instances = config.vrrp_instances.iter_mut().map(|it| &mut it.track);
            let groups = config.vrrp_sync_groups.iter_mut().map(|it| &mut it.track);
            instances.chain(groups).for_each(|it| it.track_bfd.clear());
        }
        if let Some(umask) = self.umask {
            config.global_defs.process.umask = umask;
        }
    }
}
