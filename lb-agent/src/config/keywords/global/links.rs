//! Interfaces, packet filter and our own keywords in `global_defs`.

use super::super::{
    ANY, Keyword, TIME, bare, flag, line, number, read, seconds, signed, text, word, words,
};
use crate::config::draft::GlobalDraft;
use crate::config::lower::global as lower;
use crate::config::model::{XdpAttach, XdpMode};
use crate::config::value;

pub(super) const FIREWALL: &[Keyword<GlobalDraft>] = &[
    line(
        "vrrp_iptables",
        words("[IN [OUT]]", 0, 2),
        lower::vrrp_iptables,
    )
    .example("IN OUT")
    .accepted("iptables is not used: what `no_accept` needs is one nftables table of its own"),
    line("vrrp_ipsets", words("NAME …", 0, ANY), lower::vrrp_ipsets)
        .example("x y z")
        .accepted("ipsets are not used"),
    line("nftables", words("[TABLE]", 0, 1), lower::nftables)
        .default("lb-agent")
        .example("seven"),
    signed(
        "nftables_priority",
        -1000..=1000,
        |g: &mut GlobalDraft, v| {
            g.value.vrrp.nftables_priority = Some(v.value);
        },
    )
    .default("-1"),
    bare("nftables_ifindex", |g: &mut GlobalDraft, v| {
        g.value.vrrp.nftables_ifindex = v.value;
    })
    .accepted("the rules name no interface"),
    bare("nftables_counters", |g: &mut GlobalDraft, v| {
        g.value.vrrp.nftables_counters = v.value;
    }),
];

pub(super) const LINKS: &[Keyword<GlobalDraft>] = &[
    word("default_interface", "INTERFACE", read!(value::interface => |g: &mut GlobalDraft, v| g.default_interface = Some(v))).goes_on()
        .example("eth7"),
    line("dynamic_interfaces", words("[allow_if_changes]", 0, 1), lower::dynamic_interfaces)
        .example("allow_if_changes")
        .default("off: for `check` a missing interface is an error; the agent waits for it, and takes another one of its name, in either case"),
    bare("disable_local_igmp", |g: &mut GlobalDraft, v| g.value.vrrp.disable_local_igmp = v.value),
    text("vmac_prefix", "NAME", |g: &mut GlobalDraft, v| g.value.vrrp.vmac_prefix = Some(v.value))
        .default("vrrp"),
    text("vmac_addr_prefix", "NAME", |g: &mut GlobalDraft, v| g.value.vrrp.vmac_addr_prefix = Some(v.value))
        .default("`vmac_prefix`"),
    word("vrrp_rx_bufs_policy", "MTU|ADVERT|BYTES", read!(lower::rx_bufs => |g: &mut GlobalDraft, v| g.value.vrrp.vrrp_rx_bufs_policy = Some(v.value))).goes_on()
        .default("the kernel's")
        .example("MTU"),
    number("vrrp_rx_bufs_multiplier", 1..=u32::MAX, |g: &mut GlobalDraft, v| {
        g.value.vrrp.vrrp_rx_bufs_multiplier = Some(v.value);
    }).goes_on()
    .default("3"),
];

const ATTACH: &[(&str, XdpAttach)] = &[("start", XdpAttach::Start), ("master", XdpAttach::Master)];

/// The words of `xdp_mode`.
pub(in super::super) const MODE: &[(&str, XdpMode)] = &[
    ("auto", XdpMode::Auto),
    ("native", XdpMode::Native),
    ("generic", XdpMode::Generic),
    ("off", XdpMode::Off),
];

/// Our own.
pub(super) const OURS: &[Keyword<GlobalDraft>] = &[
    word(
        "xdp_attach",
        "start|master",
        read!(choice ATTACH => |g: &mut GlobalDraft, v| g.xdp_attach = Some(v)),
    )
    .default("start")
    .example("master"),
    word(
        "xdp_mode",
        "auto|native|generic|off",
        read!(choice MODE => |g: &mut GlobalDraft, v| g.xdp_mode = Some(v)),
    )
    .default("auto")
    .example("native"),
    flag("xdp_required", |g: &mut GlobalDraft, v| {
        g.xdp_required = Some(v);
    })
    .default("on")
    .silent("on")
    .example("off"),
    line(
        "xdp_interfaces",
        words("INTERFACE …", 1, ANY),
        lower::xdp_interfaces,
    )
    .default("those of the virtual servers")
    .example("eth8")
    .many(),
    seconds("xdp_deadman", TIME, |g: &mut GlobalDraft, v| {
        g.xdp_deadman = Some(v);
    })
    .default("60 s"),
    line(
        "xdp_flow_table_size",
        words("FLOWS [FLOWS OF IPV6]", 1, 2),
        lower::xdp_flow_table_size,
    )
    .default(
        "4194304 1048576; each from 1024 to 67108864, rounded up to a power of two; without the \
         second a quarter of the first. A flow of IPv4 takes 16 bytes, one of IPv6 32. Another size \
         takes effect when the agent is started anew, with empty tables",
    )
    .example("65536 16384"),
    flag("xdp_share_checks", |g: &mut GlobalDraft, v| {
        g.xdp_share_checks = Some(v);
    })
    .default("on")
    .silent("on")
    .example("off"),
];
