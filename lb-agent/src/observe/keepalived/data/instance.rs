//! `vrrp_instance`: its state, its settings, its addresses and what it tracks.

use std::fmt::{self, Write as _};

use super::{interval, line, telling};
use crate::config::model::{Authentication, Tracked, VirtualAddress, VrrpInstance};
use crate::observe::keepalived::{View, address, word};
use crate::vrrp::status::InstanceStatus;

pub(super) fn instance(
    out: &mut String,
    view: &View<'_>,
    config: &VrrpInstance,
    status: &InstanceStatus,
) -> fmt::Result {
    writeln!(out, " VRRP Instance = {}", config.name)?;
    line(out, "VRRP Version", status.version)?;
    let groups = &view.config.vrrp_sync_groups;
    if let Some(group) = groups.iter().find(|it| it.group.contains(&config.name)) {
        line(out, "Sync group", &group.name)?;
    }
    line(out, "State", word(status.state))?;
    line(out, "Wantstate", word(status.state))?;
    let faults = status.faults.len();
    line(out, "Number of interface and track script faults", faults)?;
    let since = view.last_transition(status);
    let (seconds, micros) = (since.as_secs(), since.subsec_micros());
    line(
        out,
        "Last transition",
        format_args!("{seconds}.{micros:06}"),
    )?;
    line(out, "Interface", &status.interface)?;
    sending(out, config, status)?;
    garp(out, config)?;
    role(out, config, status)?;
    addresses(out, config, status)?;
    tracking(out, config)?;
    telling(out, &config.notify)?;
    line(
        out,
        "Notify priority changes",
        config.notify.notify_priority_changes,
    )
}

fn sending(out: &mut String, config: &VrrpInstance, status: &InstanceStatus) -> fmt::Result {
    match status.source {
        Some(source) => line(out, "Using src_ip", source)?,
        None => line(out, "Using src_ip", "(none)")?,
    }
    if config.unicast_peer.is_empty() {
        return writeln!(out, "   Multicast address {}", config.mcast_dst_ip);
    }
    line(out, "Unicast TTL", config.unicast_ttl)?;
    let check = if config.check_unicast_src {
        "yes"
    } else {
        "no"
    };
    writeln!(out, "   Check unicast src : {check}")?;
    writeln!(out, "   Unicast Peer :")?;
    for peer in &config.unicast_peer {
        writeln!(out, "     {peer}")?;
    }
    Ok(())
}

fn garp(out: &mut String, config: &VrrpInstance) -> fmt::Result {
    let garp = &config.garp;
    let rows = [
        ("delay", garp.master_delay.as_secs()),
        ("repeat", garp.master_repeat.into()),
        ("refresh", garp.master_refresh.as_secs()),
        ("refresh repeat", garp.master_refresh_repeat.into()),
        ("lower priority delay", garp.lower_prio_delay.as_secs()),
        ("lower priority repeat", garp.lower_prio_repeat.into()),
    ];
    for (label, value) in rows {
        writeln!(out, "   Gratuitous ARP {label} = {value}")?;
    }
    line(out, "Down timer adverts", config.down_timer_adverts)?;
    let lower = !config.lower_prio_no_advert;
    line(
        out,
        "Send advert after receive lower priority advert",
        lower,
    )?;
    let higher = config.higher_prio_send_advert;
    line(
        out,
        "Send advert after receive higher priority advert",
        higher,
    )
}

fn role(out: &mut String, config: &VrrpInstance, status: &InstanceStatus) -> fmt::Result {
    line(out, "Virtual Router ID", status.virtual_router_id)?;
    line(out, "Priority", status.priority)?;
    line(out, "Effective priority", status.effective_priority)?;
    line(out, "Total priority", status.effective_priority)?;
    line(out, "Advert interval", interval(status.advert_int))?;
    let enabled = |on| if on { "enabled" } else { "disabled" };
    line(out, "Accept", enabled(config.accept))?;
    line(out, "Preempt", enabled(!config.nopreempt))?;
    if !config.preempt_delay.is_zero() {
        let delay = config.preempt_delay.as_secs_f64();
        line(out, "Preempt delay", format_args!("{delay:.6} secs"))?;
    }
    line(
        out,
        "Promote_secondaries",
        enabled(config.promote_secondaries),
    )?;
    match config.authentication {
        None if status.version == 2 => line(out, "Authentication type", "none"),
        None => Ok(()),
        Some(Authentication::Pass(_)) => line(out, "Authentication type", "SIMPLE_PASSWORD"),
        Some(Authentication::Ah(_)) => line(out, "Authentication type", "IPSEC_AH"),
    }
}

fn addresses(out: &mut String, config: &VrrpInstance, status: &InstanceStatus) -> fmt::Result {
    let list = |out: &mut String, addresses: &[VirtualAddress]| -> fmt::Result {
        for it in addresses {
            writeln!(out, "     {}", address::line(it, status))?;
        }
        Ok(())
    };
    let advertised = &config.virtual_ipaddress;
    writeln!(out, "   Virtual IP ({}):", advertised.len())?;
    list(out, advertised)?;
    if !config.virtual_ipaddress_excluded.is_empty() {
        writeln!(out, "   Virtual IP Excluded :")?;
        list(out, &config.virtual_ipaddress_excluded)?;
    }
    if !config.virtual_routes.is_empty() {
        writeln!(out, "   Virtual Routes :")?;
    }
    for route in &config.virtual_routes {
        writeln!(out, "     {}", address::route(route))?;
    }
    Ok(())
}

fn tracking(out: &mut String, config: &VrrpInstance) -> fmt::Result {
    let track = &config.track;
    // Its own interface is no news.
    let interfaces: Vec<&Tracked> = track
        .track_interface
        .iter()
        .filter(|it| it.name != config.interface)
        .collect();
    let blocks: [(&str, &str, Vec<&Tracked>); 5] = [
        ("Tracked interfaces", "", interfaces),
        ("Tracked scripts", "", track.track_script.iter().collect()),
        ("Tracked files", ",", track.track_file.iter().collect()),
        (
            "Tracked processes",
            ",",
            track.track_process.iter().collect(),
        ),
        (
            "Tracked BFD instances",
            ",",
            track.track_bfd.iter().collect(),
        ),
    ];
    for (label, comma, tracked) in blocks {
        if !tracked.is_empty() {
            writeln!(out, "   {label} :")?;
        }
        for it in tracked {
            weighted(out, &it.name, comma, it)?;
        }
    }
    Ok(())
}

fn weighted(out: &mut String, name: &str, comma: &str, tracked: &Tracked) -> fmt::Result {
    let reverse = if tracked.weight.reverse {
        " reverse"
    } else {
        ""
    };
    let weight = tracked.weight.weight;
    writeln!(out, "     {name}{comma} weight {weight}{reverse}")
}
