//! Interfaces of an instance: VMACs, VRFs, sockets.

use crate::config::draft::InstanceDraft;
use crate::config::keywords::{
    ANY, Keyword, Section, bare, flag, line, number, one, read, word, words,
};
use crate::config::lower::vrrp as lower;
use crate::config::model::UseVmac;
use crate::config::value;

/// Words behind `use_vmac`.
pub(crate) static USE_VMAC: Section<UseVmac> = Section::options("a VMAC", &[VMAC]);

pub(super) const LINKS: &[Keyword<InstanceDraft>] = &[
    line(
        "use_vmac",
        words(
            "[NAME] [INTERFACE] [MAC] [netlink_notify_msg] [group N]",
            0,
            ANY,
        ),
        lower::use_vmac,
    )
    .example("vmac7 eth7 netlink_notify_msg"),
    bare("vmac_xmit_base", |i: &mut InstanceDraft, v| {
        i.value.vmac_xmit_base = v.value;
    }),
    bare("use_vmac_addr", |i: &mut InstanceDraft, v| {
        i.value.use_vmac_addr = v.value;
    }),
    line(
        "use_ipvlan",
        words(
            "[NAME] [INTERFACE] [ADDRESS[/PREFIX]] [bridge|private|vepa]",
            0,
            4,
        ),
        lower::use_ipvlan,
    )
    .example("ipvl7 eth7"),
    word(
        "vrf",
        "INTERFACE",
        read!(value::interface => |i: &mut InstanceDraft, v| i.value.vrf = Some(v.value)),
    )
    .default("that of `interface`")
    .example("red"),
    number(
        "kernel_rx_buf_size",
        1..=u32::MAX,
        |i: &mut InstanceDraft, v| {
            i.value.kernel_rx_buf_size = Some(v.value);
        },
    )
    .goes_on()
    .default("`vrrp_rx_bufs_policy`"),
    line(
        "lvs_sync_daemon_interface",
        one("INTERFACE"),
        lower::lvs_sync_daemon_interface,
    )
    .example("eth7"),
];

const VMAC: &[Keyword<UseVmac>] = &[
    flag("netlink_notify_msg", |u: &mut UseVmac, v| {
        u.netlink_notify_msg = v.value;
    })
    .accepted("the kernel always tells of the link state"),
    number("group", 0..=u32::MAX, |u: &mut UseVmac, v| {
        u.group = Some(v.value);
    }),
];
