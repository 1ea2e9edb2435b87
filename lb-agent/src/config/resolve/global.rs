//! `global_defs`.

use std::collections::HashSet;

use super::Resolver;
use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::draft::InstanceDraft;
use crate::config::model::GlobalDefs;
use crate::config::text::Spanned;

impl Resolver<'_> {
    /// What concerns no instance and no service. `lvs_sync_daemon_interface` of an instance is
    /// what `lvs_sync_daemon` took the place of.
    pub(super) fn global_defs(&mut self, instances: &[InstanceDraft]) -> GlobalDefs {
        let mut global = self.global.value.clone();
        self.mail(&global.mail);
        let draft = &mut self.global;
        global.router_id = draft.router_id.take().map(|given| given.value);
        if let Some(given) = draft.vrrp_mcast_group4 {
            global.vrrp_mcast_group4 = given.value;
        }
        let scripts = &mut global.scripts;
        for (script, timeout) in [
            (&mut scripts.startup_script, draft.startup_script_timeout),
            (&mut scripts.shutdown_script, draft.shutdown_script_timeout),
        ] {
            if let (Some(script), Some(timeout)) = (script, timeout) {
                script.timeout = timeout.value;
            }
        }
        if let Some(nftables) = &mut global.lvs.nftables_ipvs {
            nftables.priority = draft.nftables_ipvs.priority;
            nftables.start_fwmark = draft.nftables_ipvs.start_fwmark;
        }
        self.xdp(&mut global);
        self.sync_daemon(&mut global, instances);
        global
    }

    /// What `xdp_…` keywords say.
    fn xdp(&mut self, global: &mut GlobalDefs) {
        let draft = &mut self.global;
        if let Some(given) = draft.xdp_attach {
            global.xdp_attach = given.value;
        }
        if let Some(given) = draft.xdp_mode {
            global.xdp_mode = given.value;
        }
        if let Some(given) = draft.xdp_required {
            global.xdp_required = given.value;
        }
        if let Some(given) = draft.xdp_deadman {
            global.xdp_deadman = given.value;
        }
        if let Some(size) = draft.xdp_flow_table_size {
            global.xdp_flow_table_size = size;
        }
        if let Some(given) = draft.xdp_share_checks {
            global.xdp_share_checks = given.value;
        }
        if let Some(given) = draft.xdp_interfaces.take() {
            let mut seen = HashSet::new();
            let names = given.value.into_iter();
            global.xdp_interfaces = names.filter(|name| seen.insert(name.clone())).collect();
        }
    }

    /// `lvs_sync_daemon_interface`: there is one daemon, of the first that asks for it.
    fn sync_daemon(&mut self, global: &mut GlobalDefs, instances: &[InstanceDraft]) {
        let named = global.lvs.lvs_sync_daemon.as_ref();
        let named = named.and_then(|daemon| daemon.instance.clone());
        if let (Some(value), Some(span)) = (named, self.global.given.span("lvs_sync_daemon")) {
            let name = Spanned { value, span };
            let consequence = "nothing says who tells of connections and who listens";
            self.refers(
                |names| &names.vrrp_instances,
                "vrrp_instance",
                &name,
                consequence,
            );
        }
        let of_instances = instances
            .iter()
            .filter_map(|one| one.lvs_sync_daemon.as_ref());
        for daemon in of_instances {
            if let Some(first) = &global.lvs.lvs_sync_daemon {
                let message = format!(
                    "there is one sync daemon, and it is on {} already: this line is ignored",
                    first.interface
                );
                let twice = Diagnostic::warning(Code::Duplicate, daemon.span, message);
                self.diagnostics.push(twice);
                continue;
            }
            global.lvs.lvs_sync_daemon = Some(daemon.value.clone());
        }
    }
}
