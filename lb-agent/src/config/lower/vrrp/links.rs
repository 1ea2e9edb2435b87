//! The interfaces of an instance: VMAC, ipvlan, the sync daemon's.

use std::net::IpAddr;

use super::Lowering;
use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::draft::InstanceDraft;
use crate::config::keywords::USE_VMAC;
use crate::config::lexer::Word;
use crate::config::model::{LvsSyncDaemon, UseIpvlan, UseVmac};
use crate::config::text::Spanned;
use crate::config::tree::Node;
use crate::config::value::{self, Expected};

/// `use_vmac …`
pub(in crate::config) fn use_vmac(
    instance: &mut InstanceDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    if let Some(vmac) = lowering.whole(|it| it.vmac(&node.arguments)) {
        instance.value.use_vmac = Some(vmac);
    }
}

/// `use_ipvlan …`
pub(in crate::config) fn use_ipvlan(
    instance: &mut InstanceDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    if let Some(ipvlan) = lowering.whole(|it| it.ipvlan(&node.arguments)) {
        instance.value.use_ipvlan = Some(ipvlan);
    }
}

/// `lvs_sync_daemon_interface INTERFACE`
pub(in crate::config) fn lvs_sync_daemon_interface(
    instance: &mut InstanceDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    if let Some(interface) = lowering.first(node, value::interface) {
        let name = &instance.name.value;
        let message = format!(
            "here this is an old word for `lvs_sync_daemon {} {name}` in global_defs",
            interface.value
        );
        lowering.report(Diagnostic::warning(
            Code::Deprecated,
            node.keyword.span,
            message,
        ));
        let mut value = LvsSyncDaemon::new(interface.value);
        value.instance = Some(instance.name.value.clone());
        let span = interface.span;
        instance.lvs_sync_daemon = Some(Spanned { value, span });
    }
}

/// Whether a word is meant for an address, right or wrong: no name of an interface has a `/` or `:`.
fn is_address(text: &str) -> bool {
    text.contains(['/', ':']) || text.parse::<IpAddr>().is_ok()
}

impl Lowering<'_> {
    /// `[NAME] [INTERFACE] [ADDRESS[/PREFIX]] [bridge|private|vepa]`
    fn ipvlan(&mut self, words: &[Word<'_>]) -> UseIpvlan {
        let mut ipvlan = UseIpvlan::default();
        for word in words {
            match word.text.as_ref() {
                mode @ ("bridge" | "private" | "vepa") => ipvlan.mode = Some(mode.to_owned()),
                text if is_address(text) => {
                    ipvlan.address = self.parse(word, value::address_with_prefix);
                }
                _ if ipvlan.name.is_none() => ipvlan.name = self.parse(word, value::interface),
                _ => ipvlan.interface = self.parse(word, value::interface),
            }
        }
        ipvlan
    }

    /// `[NAME] [INTERFACE] [MAC] [netlink_notify_msg] [group N]`
    pub(in crate::config::lower) fn vmac(&mut self, words: &[Word<'_>]) -> UseVmac {
        let mut vmac = UseVmac::default();
        let mut bad = None;
        let read = self.options(
            &USE_VMAC,
            &mut vmac,
            words,
            "it is ignored",
            |vmac, word| {
                if let Some(mac) = value::mac(&word.text) {
                    vmac.mac = Some(mac);
                    return true;
                }
                let name = match value::interface(&word.text) {
                    Ok(name) => name,
                    Err(expected) => {
                        bad.get_or_insert_with(|| (word.clone().into_static(), expected));
                        return true;
                    }
                };
                let free = if vmac.name.is_none() {
                    &mut vmac.name
                } else {
                    &mut vmac.interface
                };
                let is_free = free.is_none();
                free.get_or_insert(name);
                is_free
            },
        );
        drop(read);
        if let Some((word, expected)) = bad {
            self.parse(&word, |_| -> Result<(), Expected> { Err(expected) });
        }
        vmac
    }
}
