//! Our values in keepalived's words: its names for them and its way of writing them.

use std::collections::BTreeMap;
use std::time::Duration;

use lb_agent::config::model::{
    Authentication, Broadcast, GlobalDefs, InitialState, VirtualAddress, VrrpInstance,
};

/// A value by keepalived's name for it.
type Values = BTreeMap<&'static str, String>;

/// `global_defs`; what has no default of keepalived's is left out where the file does not say it.
pub(crate) fn global(global: &GlobalDefs) -> Values {
    let mail = &global.mail;
    let unset = |alert: Option<bool>| match alert {
        None => "unset".to_owned(),
        Some(alert) => if alert { "on" } else { "off" }.to_owned(),
    };
    let mut values = Values::from([
        (
            "Smtp server connection timeout",
            mail.smtp_connect_timeout.as_secs().to_string(),
        ),
        ("Default smtp_alert", unset(mail.smtp_alert)),
        ("Default smtp_alert_vrrp", unset(mail.smtp_alert_vrrp)),
        ("Default smtp_alert_checker", unset(mail.smtp_alert_checker)),
        (
            "Dynamic interfaces",
            global.vrrp.dynamic_interfaces.to_string(),
        ),
        ("LVS flush", global.lvs.lvs_flush.to_string()),
        (
            "VRRP IPv4 mcast group",
            global.vrrp_mcast_group4.to_string(),
        ),
        (
            "VRRP IPv6 mcast group",
            global.vrrp_mcast_group6.to_string(),
        ),
    ]);
    values.extend(global.router_id.clone().map(|id| ("Router ID", id)));
    values.extend(
        mail.notification_email_from
            .clone()
            .map(|from| ("Email notification from", from)),
    );
    values.extend(
        mail.smtp_helo_name
            .clone()
            .map(|name| ("Smtp HELO name", name)),
    );
    if let Some((server, port)) = &mail.smtp_server {
        values.insert("Smtp server", server.clone());
        values.insert("Smtp server port", port.to_string());
    }
    values
}

/// An instance: the lines `KEY = VALUE`. An empty value is a line that is not there.
pub(crate) fn instance(ours: &VrrpInstance) -> Values {
    let able = |on: bool| if on { "enabled" } else { "disabled" }.to_owned();
    let garp = &ours.garp;
    let mut values = Values::from([
        ("VRRP Version", ours.version.to_string()),
        (
            "Wantstate",
            match ours.state {
                InitialState::Master => "MASTER".to_owned(),
                InitialState::Backup => "BACKUP".to_owned(),
            },
        ),
        ("Interface", ours.interface.clone()),
        ("Virtual Router ID", ours.virtual_router_id.to_string()),
        ("Priority", ours.priority.to_string()),
        ("Advert interval", interval(ours)),
        ("Accept", able(ours.accept)),
        ("Preempt", able(!ours.nopreempt)),
        ("Promote_secondaries", able(ours.promote_secondaries)),
        ("Down timer adverts", ours.down_timer_adverts.to_string()),
        (
            "Send advert after receive lower priority advert",
            (!ours.lower_prio_no_advert).to_string(),
        ),
        (
            "Send advert after receive higher priority advert",
            ours.higher_prio_send_advert.to_string(),
        ),
        ("Gratuitous ARP delay", seconds(garp.master_delay)),
        ("Gratuitous ARP repeat", garp.master_repeat.to_string()),
        ("Gratuitous ARP refresh", seconds(garp.master_refresh)),
        (
            "Gratuitous ARP refresh repeat",
            garp.master_refresh_repeat.to_string(),
        ),
        (
            "Gratuitous ARP lower priority delay",
            seconds(garp.lower_prio_delay),
        ),
        (
            "Gratuitous ARP lower priority repeat",
            garp.lower_prio_repeat.to_string(),
        ),
        (
            "Preempt delay",
            match ours.preempt_delay {
                Duration::ZERO => String::new(),
                delay => format!("{} secs", delay.as_secs_f64()),
            },
        ),
        (
            "Using smtp notification",
            if ours.notify.smtp_alert { "yes" } else { "no" }.to_owned(),
        ),
    ]);
    if ours.version == 2 {
        let (kind, password) = authentication(ours.authentication.as_ref());
        values.insert("Authentication type", kind);
        values.insert("Password", password);
    }
    if !ours.unicast_peer.is_empty() {
        values.insert("Unicast TTL", ours.unicast_ttl.to_string());
    }
    if let Some(source) = ours.unicast_src_ip.or(ours.mcast_src_ip) {
        values.insert("Using src_ip", format!("{source} (from configuration)"));
    }
    values
}

fn interval(ours: &VrrpInstance) -> String {
    if ours.version == 3 {
        format!("{} milli-sec", ours.advert_int.as_millis())
    } else {
        format!("{} sec", ours.advert_int.as_secs())
    }
}

fn seconds(time: Duration) -> String {
    time.as_secs_f64().to_string()
}

fn authentication(ours: Option<&Authentication>) -> (String, String) {
    let text = |bytes: &[u8]| {
        let text = String::from_utf8_lossy(bytes);
        text.trim_end_matches('\0').to_owned()
    };
    match ours {
        None => ("none".to_owned(), String::new()),
        Some(Authentication::Pass(password)) => ("SIMPLE_PASSWORD".to_owned(), text(password)),
        Some(Authentication::Ah(key)) => ("IPSEC_AH".to_owned(), text(key.bytes())),
    }
}

/// An instance: the lists below a head.
pub(crate) fn lists(ours: &VrrpInstance) -> BTreeMap<&'static str, Vec<String>> {
    let addresses = |list: &[VirtualAddress]| list.iter().map(address).collect();
    let limits = |peer| {
        let found = ours.unicast_peer_ttl.iter().find(|it| it.peer == peer);
        let (min, max) = found.map_or((None, None), |it| (it.min_ttl, it.max_ttl));
        (min.unwrap_or(0), max.unwrap_or(255))
    };
    let peers = ours.unicast_peer.iter().map(|peer| {
        let (min, max) = limits(*peer);
        format!("{peer} min_ttl {min} max_ttl {max}")
    });
    BTreeMap::from([
        ("Virtual IP", addresses(&ours.virtual_ipaddress)),
        (
            "Virtual IP Excluded",
            addresses(&ours.virtual_ipaddress_excluded),
        ),
        ("Unicast Peer", peers.collect()),
    ])
}

fn address(ours: &VirtualAddress) -> String {
    let net = ours.address;
    let mut text = if net.prefix_len() == net.max_prefix_len() {
        net.addr().to_string()
    } else {
        net.to_string()
    };
    let broadcast = match ours.brd {
        None => None,
        Some(Broadcast::Address(address)) => Some(address.to_string()),
        Some(Broadcast::AllOnes) => Some(net.broadcast().to_string()),
        Some(Broadcast::AllZeros) => Some(net.network().to_string()),
    };
    if let Some(broadcast) = broadcast {
        text.push_str(" brd ");
        text.push_str(&broadcast);
    }
    let scope = match ours.scope {
        0 => "global",
        200 => "site",
        253 => "link",
        254 => "host",
        _ => "nowhere",
    };
    let mut text = format!("{text} dev {} scope {scope}", ours.dev);
    if let Some(label) = &ours.label {
        text.push_str(" label ");
        text.push_str(label);
    }
    if net.addr().is_ipv6() && net.prefix_len() == 128 {
        text.push_str(" deprecated");
    }
    text
}
