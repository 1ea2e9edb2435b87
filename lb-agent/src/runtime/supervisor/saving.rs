//! `config_save_dir`: how VRRP stood before and after a reload.

use tokio::task::spawn_blocking;

use super::Supervisor;
use crate::observe::keepalived::{View, data};
use crate::runtime::clock;
use crate::runtime::reload::saved::{self, Moment};
use crate::vrrp::driver::Handle;

impl Supervisor {
    /// Keeps it, on a thread where a slow disk keeps nobody waiting.
    pub(super) fn save_state(&self, moment: Moment) {
        let config = self.director.config();
        let Some(folder) = config.global_defs.reload.config_save_dir.clone() else {
            return;
        };
        let instances = self.vrrp.as_ref().map(Handle::status).unwrap_or_default();
        let text = data::text(&View {
            config,
            instances: &instances,
            since_1970: clock::since_1970(),
        });
        let number = self.reloads.number();
        spawn_blocking(move || saved::state(&folder, number, moment, &text));
    }
}
