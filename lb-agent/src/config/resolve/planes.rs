//! What `xdp_mode` comes to for a virtual server.

use super::Resolver;
use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::draft::VirtualServerDraft;
use crate::config::model::{Config, VirtualServer, XdpMode};
use crate::dataplane::choice::fit::fit;

impl Resolver<'_> {
    /// Says what XDP cannot do for a virtual server. Whether the kernel has IPVS is not the file's
    /// business.
    pub(super) fn planes(
        &mut self,
        draft: &VirtualServerDraft,
        server: &VirtualServer,
        config: &Config,
    ) {
        let global = self.global.xdp_mode.map(|given| given.value);
        let mode = server.xdp_mode.or(global).unwrap_or_default();
        let fit = fit(config, server);
        let alone = match mode {
            XdpMode::Off => return,
            XdpMode::Auto => None,
            XdpMode::Native => Some("native"),
            XdpMode::Generic => Some("generic"),
        };
        if let Some(why) = fit.cannot.first() {
            let remark = match alone {
                None => {
                    let message = format!("XDP cannot serve this: {why}; the kernel's IPVS does");
                    Diagnostic::notice(Code::Surprising, draft.span, message)
                        .help("`xdp_mode off` in this virtual_server says that this is meant")
                }
                Some(mode) => {
                    let message = format!(
                        "XDP cannot serve this: {why}; with `xdp_mode {mode}` nothing does"
                    );
                    let remark = Diagnostic::error(Code::NotSupported, draft.span, message);
                    remark.help("`xdp_mode off` in this virtual_server leaves it to kernel IPVS")
                }
            };
            self.report(remark);
            return;
        }
        for what in fit.lacks {
            let remark = if alone.is_none() {
                let message = format!("XDP has no {what}: the kernel's IPVS serves this");
                Diagnostic::notice(Code::Surprising, draft.span, message)
                    .help("where the kernel has no IPVS, XDP serves without")
            } else {
                let message = format!("XDP has no {what}: this is served without");
                Diagnostic::warning(Code::NotSupported, draft.span, message)
                    .help("`xdp_mode off` in this virtual_server leaves it to kernel IPVS")
            };
            self.report(remark);
        }
    }
}
