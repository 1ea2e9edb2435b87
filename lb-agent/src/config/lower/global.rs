//! The lines of `global_defs` with a shape of their own.

use super::Lowering;
use crate::config::draft::{ConfigDraft, GlobalDraft};
use crate::config::keywords::GLOBAL_DEFS;
use crate::config::model::{XdpAttach, XdpMode};
use crate::config::text::Spanned;
use crate::config::tree::Node;
use crate::config::value;

/// The words of `xdp_attach`.
const ATTACH: &[(&str, XdpAttach)] = &[("start", XdpAttach::Start), ("master", XdpAttach::Master)];

/// The words of `xdp_mode`.
const MODE: &[(&str, XdpMode)] = &[
    ("auto", XdpMode::Auto),
    ("native", XdpMode::Native),
    ("generic", XdpMode::Generic),
];

/// `global_defs { … }`; several blocks are one.
pub(in crate::config) fn global_defs(
    config: &mut ConfigDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    lowering.block(&GLOBAL_DEFS, &mut config.global_defs, node);
}

/// `default_interface INTERFACE`
pub(in crate::config) fn default_interface(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    lowering.first(&mut global.default_interface, node, value::interface);
}

/// `vrrp_mcast_group4 ADDRESS`
pub(in crate::config) fn vrrp_mcast_group4(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    lowering.first(&mut global.vrrp_mcast_group4, node, value::multicast4);
}

/// `xdp_attach start|master`
pub(in crate::config) fn xdp_attach(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    lowering.first(&mut global.xdp_attach, node, |text| {
        value::choice(text, ATTACH)
    });
}

/// `xdp_mode auto|native|generic`
pub(in crate::config) fn xdp_mode(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    lowering.first(&mut global.xdp_mode, node, |text| value::choice(text, MODE));
}

/// `xdp_interfaces INTERFACE …`; several lines are one.
pub(in crate::config) fn xdp_interfaces(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let named = node.arguments.iter();
    let named = named
        .filter_map(|word| lowering.parse(word, value::interface))
        .collect::<Vec<_>>();
    let list = global.xdp_interfaces.get_or_insert_with(|| Spanned {
        value: Vec::new(),
        span: node.span(),
    });
    list.value.extend(named);
}
