//! What a running agent cannot change. Pure.

use crate::config::model::{Config, Processes, XdpMode};

/// A line for each setting that differs and waits for the next start.
pub fn fixed(old: &Config, new: &Config) -> Vec<String> {
    let (before, after) = (&old.global_defs, &new.global_defs);
    let (outside, inside) = (&old.environment, &new.environment);
    let differing = [
        (
            "net_namespace",
            outside.net_namespace != inside.net_namespace,
        ),
        (
            "net_namespace_ipvs",
            outside.net_namespace_ipvs != inside.net_namespace_ipvs,
        ),
        ("instance", outside.instance != inside.instance),
        (
            "`xdp_mode` of interfaces that carry the XDP program already",
            before.xdp_mode != after.xdp_mode
                && ![before.xdp_mode, after.xdp_mode].contains(&XdpMode::Off),
        ),
        (
            "xdp_flow_table_size",
            before.xdp_flow_table_size != after.xdp_flow_table_size,
        ),
        (
            "`disable_local_igmp`, which is not taken back",
            before.vrrp.disable_local_igmp && !after.vrrp.disable_local_igmp,
        ),
        (
            "priorities of processes and `…_no_swap`",
            fixed_process(&before.process) != fixed_process(&after.process),
        ),
    ];
    let differing = differing.into_iter().filter(|(_, differs)| *differs);
    let line = |(what, _): (&str, bool)| {
        let name = if what.contains(' ') {
            what.to_owned()
        } else {
            format!("`{what}`")
        };
        format!("{name}: what the file says now takes effect when the agent is started anew")
    };
    differing.map(line).collect()
}

/// All but `umask`, which counts for the next file that is written.
fn fixed_process(process: &Processes) -> Processes {
    Processes {
        umask: 0,
        ..process.clone()
    }
}
