//! The lines of `global_defs` with a shape of their own.

mod lvs;
mod telling;

use std::time::Duration;

pub(in crate::config) use lvs::{lvs_flush_on_stop, lvs_sync_daemon, lvs_timeouts, nftables_ipvs};
pub(in crate::config) use telling::{
    lvs_notify_fifo, lvs_notify_fifo_script, notification_email, notify_fifo, notify_fifo_script,
    script_user, shutdown_script, smtp_server, startup_script, vrrp_notify_fifo,
    vrrp_notify_fifo_script,
};

use super::Lowering;
use super::script::user;
use crate::config::draft::{ConfigDraft, GlobalDraft};
use crate::config::keywords::GLOBAL_DEFS;
use crate::config::mention::Named;
use crate::config::model::{ExtraIf, FlowTableSize, RxBufs};
use crate::config::text::Spanned;
use crate::config::tree::Node;
use crate::config::value::{self, Expected};

/// `global_defs { … }`; several blocks are one.
pub(in crate::config) fn global_defs(
    config: &mut ConfigDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let mut given = std::mem::take(&mut config.global_defs.given);
    lowering.more(&GLOBAL_DEFS, &mut config.global_defs, node, &mut given);
    config.global_defs.given = given;
}

/// `xdp_interfaces INTERFACE …`; several lines are one.
pub(in crate::config) fn xdp_interfaces(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    // The first one is noted where the line is read.
    for word in node.arguments.iter().skip(1) {
        let place = ("global_defs", "xdp_interfaces");
        lowering.mentions.note(Named::Interface, place, word);
    }
    let mut named = Vec::new();
    for word in &node.arguments {
        if let Some(interface) = lowering.parse(word, value::interface) {
            named.push(interface);
            lowering.take(word.span);
        }
    }
    let list = global.xdp_interfaces.get_or_insert_with(|| Spanned {
        value: Vec::new(),
        span: node.span(),
    });
    list.value.extend(named);
}

/// `xdp_flow_table_size FLOWS [FLOWS OF IPV6]`
pub(in crate::config) fn xdp_flow_table_size(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let flows = lowering.all(node, |text| value::integer(text, &FlowTableSize::RANGE));
    if let Some([ipv4, rest @ ..]) = flows.as_deref() {
        global.xdp_flow_table_size = Some(FlowTableSize::of(*ipv4, rest.first().copied()));
    }
}

/// `include_check …`: [`crate::config::include`] has read it; here its words are looked at.
pub(in crate::config) fn include_check(
    _global: &mut GlobalDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    const WORDS: &[(&str, ())] = &[
        ("read", ()),
        ("match", ()),
        ("wildcard_match", ()),
        ("brace_match", ()),
        // The manual's word for `read`.
        ("readable", ()),
    ];
    for word in &node.arguments {
        let plain = word.text.strip_prefix(['+', '-']).unwrap_or(&word.text);
        lowering.parse(word, |_| value::choice(plain, WORDS));
    }
}

/// `vrrp_garp_extra_if [all] SECONDS`
pub(in crate::config) fn garp_extra_if(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    global.garp.extra_if = lowering.extra_if(node).or(global.garp.extra_if);
}

/// `vrrp_iptables [IN [OUT]]`
pub(in crate::config) fn vrrp_iptables(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    let (input, output) = user(node, 0);
    let input = input.unwrap_or_else(|| "INPUT".to_owned());
    global.value.vrrp.vrrp_iptables = Some((input, output));
}

/// `vrrp_ipsets NAME …`
pub(in crate::config) fn vrrp_ipsets(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    let names = node.arguments.iter();
    global.value.vrrp.vrrp_ipsets = names.map(|word| word.text.clone().into_owned()).collect();
}

/// `nftables [TABLE]`
pub(in crate::config) fn nftables(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    global.value.vrrp.nftables = Some(first_or(node, "keepalived"));
}

/// `dynamic_interfaces [allow_if_changes]`
pub(in crate::config) fn dynamic_interfaces(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let allow = lowering.all(node, |text| {
        value::choice(text, &[("allow_if_changes", true)])
    });
    if let Some(allow) = allow {
        global.value.vrrp.dynamic_interfaces = true;
        global.value.vrrp.allow_if_changes = !allow.is_empty();
    }
}

/// `vrrp_rx_bufs_policy MTU|ADVERT|BYTES`
pub(in crate::config) fn rx_bufs(text: &str) -> Result<RxBufs, Expected> {
    match text {
        "MTU" => Ok(RxBufs::Mtu),
        "ADVERT" => Ok(RxBufs::Advert),
        _ => value::integer(text, &(1..=u32::MAX))
            .map(RxBufs::Bytes)
            .ok()
            .ok_or_else(|| "MTU, ADVERT or a number of bytes".to_owned()),
    }
}

/// `reload_check_config [LOG]`
pub(in crate::config) fn reload_check_config(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    global.value.reload.reload_check_config = true;
    let log = node.arguments.first();
    global.value.reload.reload_check_config_log = log.map(|word| word.text.as_ref().into());
}

/// `umask NUMBER|BIT[|BIT …]`
pub(in crate::config) fn umask(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let words = node.arguments.iter();
    let text: String = words.map(|word| word.text.as_ref()).collect();
    if let Some(word) = node.arguments.first()
        && let Some(mask) = lowering.parse(word, |_| value::umask(&text))
    {
        global.value.process.umask = mask;
    }
}

/// `reload_file [PATH]`
pub(in crate::config) fn reload_file(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    global.value.reload.reload_file = Some(first_or(node, "/run/keepalived.reload").into());
}

fn first_or(node: &Node<'_>, default: &str) -> String {
    let first = node.arguments.first();
    first.map_or_else(|| default.to_owned(), |word| word.text.clone().into_owned())
}

impl Lowering<'_> {
    /// `[all] SECONDS`
    pub(super) fn extra_if(&mut self, node: &Node<'_>) -> Option<ExtraIf> {
        let range = Duration::from_secs(1)..=Duration::from_hours(24);
        let all = node
            .arguments
            .first()
            .is_some_and(|word| word.text == "all");
        let word = node.arguments.get(usize::from(all))?;
        let interval = self.parse(word, |text| value::seconds(text, &range))?;
        Some(ExtraIf { all, interval })
    }
}
