//! The top level (keepalived.conf(5): "top hierarchy"), and `SSL`.

use super::{Keyword, NONE, Section, bare, block, one, text, unread, word, words};
use crate::config::draft::ConfigDraft;
use crate::config::lower;
use crate::config::model::{Secret, Ssl};

/// The name of a block that has none.
pub(crate) const TOP_LEVEL: &str = "top level";

/// The top level.
pub(crate) static ROOT: Section<ConfigDraft> =
    Section::new(TOP_LEVEL, &[VRRP, SERVERS, STATIC, LINKS, PLACE]);

/// `SSL`
pub(crate) static SSL: Section<Ssl> = Section::new("SSL", &[TLS]);

/// Whether a block of this name stands at the top level and nowhere else, so that it shows where
/// a block before it was left open.
pub(crate) fn is_root_block(name: &str) -> bool {
    matches!(
        name,
        "global_defs"
            | "vrrp_instance"
            | "vrrp_sync_group"
            | "vrrp_script"
            | "vrrp_track_process"
            | "vrrp_track_file"
            | "virtual_server"
            | "virtual_server_group"
            | "static_ipaddress"
            | "static_routes"
            | "static_rules"
            | "bfd_instance"
            | "garp_group"
    )
}

const VRRP: &[Keyword<ConfigDraft>] = &[
    block("global_defs", NONE, lower::global_defs)
        .example("{\nrouter_id x\n}")
        .many(),
    block("vrrp_instance", one("NAME"), lower::vrrp_instance)
        .goes_on()
        .example("C {\ninterface eth0\nvirtual_router_id 53\nno_virtual_ipaddress\n}")
        .many(),
    block("vrrp_sync_group", one("NAME"), lower::vrrp_sync_group)
        .goes_on()
        .example("I {\ngroup {\nK\n}\n}")
        .many(),
    block("vrrp_script", one("NAME"), lower::vrrp_script)
        .example("seven {\nscript /bin/true\n}")
        .many(),
    block("vrrp_track_process", one("NAME"), lower::vrrp_track_process)
        .example("seven {\nprocess nginx\n}")
        .many(),
    block("track_file", one("NAME"), lower::track_file)
        .or(&["vrrp_track_file"])
        .example("seven {\nfile /run/x\n}")
        .many(),
    block("bfd_instance", one("NAME"), lower::bfd_instance)
        .example("seven {\nneighbor_ip 10.0.0.9\n}")
        .many(),
    block("garp_group", NONE, lower::garp_group)
        .example("{\ninterface eth0\n}")
        .many(),
];

const SERVERS: &[Keyword<ConfigDraft>] = &[
    block(
        "virtual_server",
        words("IP PORT | fwmark N | group NAME", 1, 2),
        lower::virtual_server,
    )
    .example("10.0.0.7 80 {\nreal_server 10.0.0.2 80 {\n}\n}")
    .many(),
    block(
        "virtual_server_group",
        one("NAME"),
        lower::virtual_server_group,
    )
    .example("seven {\n10.0.0.1 80\n}")
    .many(),
];

const STATIC: &[Keyword<ConfigDraft>] = &[
    block("static_ipaddress", NONE, lower::static_ipaddress)
        .example("{\n10.0.0.8/24 dev eth0\n}")
        .many(),
    block("static_routes", NONE, lower::static_routes)
        .example("{\n10.8.0.0/16 via 10.0.0.9\n}")
        .many(),
    block("static_rules", NONE, lower::static_rules)
        .example("{\nfrom 10.8.0.0/16 table 8\n}")
        .many(),
    block("track_group", one("NAME"), lower::track_group)
        .goes_on()
        .example("seven {\ngroup {\nK\n}\n}")
        .many(),
];

const LINKS: &[Keyword<ConfigDraft>] = &[
    block("linkbeat_interfaces", NONE, lower::linkbeat_interfaces)
        .accepted("link states come from the kernel's notifications")
        .example("{\neth0 mii\n}")
        .many(),
    bare("linkbeat_use_polling", |c: &mut ConfigDraft, v| {
        c.environment.linkbeat.linkbeat_use_polling = v.value;
    })
    .accepted("link states come from the kernel's notifications"),
    block(
        "interface_up_down_delays",
        NONE,
        lower::interface_up_down_delays,
    )
    .since("2.2.3")
    .example("{\neth0 2 3\n}")
    .many(),
];

const NAMESPACE: &str = "the program stays in the namespace that it was started in; start it in \
     another: `ip netns exec NAME lb-agent run`";

const ONE_PROCESS: &str = "all parts run in one process and nothing is kept in a PID directory";

const PLACE: &[Keyword<ConfigDraft>] = &[
    text("net_namespace", "NAME", |c: &mut ConfigDraft, v| {
        c.environment.net_namespace = Some(v.value);
    })
    .goes_on()
    .refused(NAMESPACE),
    text("net_namespace_ipvs", "NAME", |c: &mut ConfigDraft, v| {
        c.environment.net_namespace_ipvs = Some(v.value);
    })
    .goes_on()
    .refused(NAMESPACE),
    bare("namespace_with_ipsets", |c: &mut ConfigDraft, v| {
        c.environment.namespace_with_ipsets = v.value;
    })
    .accepted("ipsets are not used"),
    text("instance", "NAME", |c: &mut ConfigDraft, v| {
        c.environment.instance = Some(v.value);
    })
    .goes_on()
    .default("none; it names the dump files of `data_use_instance` only, `--instance` the agent"),
    block("SSL", NONE, lower::ssl).example("{\nca /etc/ssl/ca.pem\n}"),
    unread("use_pid_dir", "").accepted(ONE_PROCESS),
    unread("child_wait_time", "SECONDS")
        .default("5 s")
        .accepted(ONE_PROCESS),
];

const TLS: &[Keyword<Ssl>] = &[
    text("password", "PASSWORD", |s: &mut Ssl, v| {
        s.password = Some(Secret::new(v.value));
    })
    .refused(
        "a key with a password cannot be used; take the password off, \
         `openssl pkey -in KEY -out NEW`, and let only root read the result",
    ),
    word("ca", "FILE", |s: &mut Ssl, w, _| {
        s.ca = Some(w.into());
        Ok(())
    }),
    word("certificate", "FILE", |s: &mut Ssl, w, _| {
        s.certificate = Some(w.into());
        Ok(())
    }),
    word("key", "FILE", |s: &mut Ssl, w, _| {
        s.key = Some(w.into());
        Ok(())
    }),
];
