//! `config_save_dir`: how VRRP stood before and after a reload.

use super::Supervisor;
use crate::observe::keepalived::{View, data};
use crate::runtime::reload::saved::{self, Moment};
use crate::runtime::{blocking, clock};
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
        tokio::spawn(async move {
            let path = folder.clone();
            // It ends with the runtime only.
            blocking::call(&path, move || saved::state(&folder, number, moment, &text))
                .await
                .ok();
        });
    }
}
