//! `keepalived.data`.

use std::fmt::{self, Display, Write as _};
use std::time::Duration;

use super::{View, address, quoted, word};
use crate::config::model::{
    Authentication, Notify, Tracked, VirtualAddress, VrrpInstance, VrrpScript, VrrpSyncGroup,
};
use crate::vrrp::State;
use crate::vrrp::settings::Kind;
use crate::vrrp::status::InstanceStatus;

/// The file.
pub fn text(view: &View<'_>) -> String {
    let mut text = String::new();
    let _infallible = write(&mut text, view);
    text
}

fn write(out: &mut String, view: &View<'_>) -> fmt::Result {
    title(out, "Global definitions")?;
    global(out, view)?;
    title(out, "VRRP Topology")?;
    for (config, status) in view.config.vrrp_instances.iter().zip(view.instances) {
        instance(out, view, config, status)?;
    }
    if !view.config.vrrp_sync_groups.is_empty() {
        title(out, "VRRP Sync groups")?;
    }
    for group in &view.config.vrrp_sync_groups {
        sync_group(out, view, group)?;
    }
    let scripts = &view.config.vrrp_scripts;
    let tracked = |script: &&VrrpScript| followers(view, Kind::Script, &script.name).count() > 0;
    let mut scripts = scripts.iter().filter(tracked).peekable();
    if scripts.peek().is_some() {
        title(out, "VRRP Scripts")?;
    }
    for it in scripts {
        script(out, view, it)?;
    }
    Ok(())
}

fn title(out: &mut String, title: &str) -> fmt::Result {
    writeln!(out, "------< {title} >------")
}

/// A line of a block.
fn line(out: &mut String, label: &str, value: impl Display) -> fmt::Result {
    writeln!(out, "   {label} = {value}")
}

fn global(out: &mut String, view: &View<'_>) -> fmt::Result {
    let global = &view.config.global_defs;
    if let Some(router_id) = &global.router_id {
        writeln!(out, " Router ID = {router_id}")?;
    }
    let mail = &global.mail;
    if let Some((server, port)) = &mail.smtp_server {
        writeln!(out, " Smtp server = {server}")?;
        writeln!(out, " Smtp server port = {port}")?;
    }
    writeln!(out, " VRRP IPv4 mcast group = {}", global.vrrp_mcast_group4)?;
    writeln!(out, " VRRP IPv6 mcast group = {}", global.vrrp_mcast_group6)?;
    writeln!(out, " umask = {:04o}", global.process.umask)
}

fn instance(
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

/// `1 sec`, `500 milli-sec`
fn interval(time: Duration) -> String {
    if time.subsec_nanos() == 0 {
        format!("{} sec", time.as_secs())
    } else {
        format!("{} milli-sec", time.as_millis())
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

fn telling(out: &mut String, notify: &Notify) -> fmt::Result {
    let yes = |on| if on { "yes" } else { "no" };
    line(out, "Using smtp notification", yes(notify.smtp_alert))?;
    let commands = [
        ("Backup", &notify.notify_backup),
        ("Master", &notify.notify_master),
        ("Fault", &notify.notify_fault),
        ("Stop", &notify.notify_stop),
        ("Generic", &notify.notify),
    ];
    for (state, command) in commands {
        if let Some(command) = command {
            let command = quoted(command);
            line(out, &format!("{state} state transition script"), command)?;
        }
    }
    Ok(())
}

fn sync_group(out: &mut String, view: &View<'_>, group: &VrrpSyncGroup) -> fmt::Result {
    let members = view
        .instances
        .iter()
        .filter(|it| group.group.contains(&it.name));
    // Its members are of one state, but for a moment.
    let state = members.map(|it| it.state).next().unwrap_or(State::Init);
    writeln!(out, " VRRP Sync Group = {}, {}", group.name, word(state))?;
    writeln!(out, "   VRRP member instances :")?;
    for member in &group.group {
        writeln!(out, "     {member}")?;
    }
    telling(out, &group.notify)
}

/// The instances that track something, and how.
fn followers<'a>(
    view: &'a View<'_>,
    kind: Kind,
    name: &'a str,
) -> impl Iterator<Item = (&'a InstanceStatus, i16, Option<bool>)> {
    view.instances.iter().filter_map(move |instance| {
        let mut tracked = instance.tracked.iter();
        let tracked = tracked.find(|it| it.kind == kind && it.name == name)?;
        Some((instance, tracked.weight, tracked.up))
    })
}

fn script(out: &mut String, view: &View<'_>, script: &VrrpScript) -> fmt::Result {
    writeln!(out, " VRRP Script = {}", script.name)?;
    line(out, "Command", quoted(&script.script))?;
    line(out, "Interval", interval(script.interval))?;
    line(out, "Timeout", interval(script.timeout))?;
    line(out, "Weight", script.weight.weight)?;
    line(out, "Rise", script.rise)?;
    line(out, "Fall", script.fall)?;
    let up = followers(view, Kind::Script, &script.name).find_map(|(_, _, up)| up);
    let status = match up {
        None => "INIT",
        Some(true) => "GOOD",
        Some(false) => "BAD",
    };
    line(out, "Status", status)?;
    writeln!(out, "   Tracking instances :")?;
    for (instance, weight, _) in followers(view, Kind::Script, &script.name) {
        writeln!(out, "     {}, weight {weight}", instance.name)?;
    }
    Ok(())
}
