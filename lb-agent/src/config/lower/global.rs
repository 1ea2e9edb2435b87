//! The lines of `global_defs` with a shape of their own.

use std::net::IpAddr;
use std::time::Duration;

use super::Lowering;
use super::script::user;
use super::telling::{command, fifo};
use crate::config::draft::{ConfigDraft, GlobalDraft};
use crate::config::keywords::GLOBAL_DEFS;
use crate::config::lexer::Word;
use crate::config::model::{
    ExtraIf, LvsFlushOnStop, LvsSyncDaemon, LvsTimeouts, NftablesIpvs, RxBufs, TimedCommand,
};
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
    global.value.vrrp.dynamic_interfaces = true;
    if let Some(word) = node.arguments.first() {
        let allow = lowering.parse(word, |text| {
            value::choice(text, &[("allow_if_changes", true)])
        });
        global.value.vrrp.allow_if_changes = allow.unwrap_or_default();
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

/// `notification_email { ADDRESS … }`
pub(in crate::config) fn notification_email(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let addresses = lowering.words_of_block(node);
    let list = &mut global.value.mail.notification_email;
    list.extend(addresses.into_iter().map(|address| address.value));
}

/// `smtp_server HOST [PORT]`
pub(in crate::config) fn smtp_server(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let port = match node.arguments.get(1) {
        None => Some(25),
        Some(word) => lowering.parse(word, |text| value::integer(text, &(1..=65535))),
    };
    if let (Some(host), Some(port)) = (node.arguments.first(), port) {
        global.value.mail.smtp_server = Some((host.text.clone().into_owned(), port));
    }
}

/// `script_user USER [GROUP]`
pub(in crate::config) fn script_user(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    let (user, group) = user(node, 0);
    global.value.scripts.script_user = user.map(|user| (user, group));
}

/// `startup_script COMMAND [USER [GROUP]]`
pub(in crate::config) fn startup_script(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    global.value.scripts.startup_script = timed(node);
}

/// `shutdown_script COMMAND [USER [GROUP]]`
pub(in crate::config) fn shutdown_script(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    global.value.scripts.shutdown_script = timed(node);
}

/// The limit is that of another line, or the default.
fn timed(node: &Node<'_>) -> Option<TimedCommand> {
    command(node).map(|command| TimedCommand {
        command,
        timeout: Duration::from_secs(10),
    })
}

/// `notify_fifo PATH [USER [GROUP]]`
pub(in crate::config) fn notify_fifo(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    fifo(&mut global.value.notify.notify_fifo, node);
}

/// `vrrp_notify_fifo PATH [USER [GROUP]]`
pub(in crate::config) fn vrrp_notify_fifo(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    fifo(&mut global.value.notify.vrrp_notify_fifo, node);
}

/// `lvs_notify_fifo PATH [USER [GROUP]]`
pub(in crate::config) fn lvs_notify_fifo(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    fifo(&mut global.value.notify.lvs_notify_fifo, node);
}

/// `notify_fifo_script COMMAND [USER [GROUP]]`
pub(in crate::config) fn notify_fifo_script(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    global.value.notify.notify_fifo.fifo_script = command(node);
}

/// `vrrp_notify_fifo_script COMMAND [USER [GROUP]]`
pub(in crate::config) fn vrrp_notify_fifo_script(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    global.value.notify.vrrp_notify_fifo.fifo_script = command(node);
}

/// `lvs_notify_fifo_script COMMAND [USER [GROUP]]`
pub(in crate::config) fn lvs_notify_fifo_script(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    global.value.notify.lvs_notify_fifo.fifo_script = command(node);
}

/// `lvs_flush_on_stop [VS]`
pub(in crate::config) fn lvs_flush_on_stop(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let what = match node.arguments.first() {
        None => Some(LvsFlushOnStop::All),
        Some(word) => lowering.parse(word, |text| {
            value::choice(text, &[("VS", LvsFlushOnStop::VirtualServers)])
        }),
    };
    global.value.lvs.lvs_flush_on_stop = what.unwrap_or_default();
}

/// `nftables_ipvs [TABLE]`
pub(in crate::config) fn nftables_ipvs(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    global.value.lvs.nftables_ipvs = Some(NftablesIpvs {
        table: first_or(node, "keepalived_ipvs"),
        ..NftablesIpvs::default()
    });
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

/// `lvs_timeouts [tcp N] [tcpfin N] [udp N]`
pub(in crate::config) fn lvs_timeouts(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    // 31 days, as in keepalived.
    let range = 0..=31 * 86_400;
    let mut timeouts = LvsTimeouts::default();
    for pair in node.arguments.chunks(2) {
        let [name, number] = pair else {
            if let Some(odd) = pair.first() {
                lowering.extra_words(odd.span);
            }
            break;
        };
        let field = match name.text.as_ref() {
            "tcp" => &mut timeouts.tcp,
            "tcpfin" => &mut timeouts.tcpfin,
            "udp" => &mut timeouts.udp,
            _ => {
                lowering.parse(name, |_| -> Result<(), Expected> {
                    Err("one of tcp, tcpfin, udp".to_owned())
                });
                continue;
            }
        };
        *field = lowering
            .parse(number, |text| value::integer(text, &range))
            .map(|seconds: u32| Duration::from_secs(seconds.into()));
    }
    global.value.lvs.lvs_timeouts = timeouts;
}

/// `lvs_sync_daemon INTERFACE …`
pub(in crate::config) fn lvs_sync_daemon(
    global: &mut GlobalDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    if let Some((first, options)) = node.arguments.split_first()
        && let Some(interface) = lowering.parse(first, value::interface)
    {
        global.value.lvs.lvs_sync_daemon = Some(lowering.sync_daemon(interface, options));
    }
}

impl Lowering<'_> {
    fn sync_daemon(&mut self, interface: String, words: &[Word<'_>]) -> LvsSyncDaemon {
        let mut daemon = LvsSyncDaemon::new(interface);
        let mut words = words.iter();
        while let Some(word) = words.next() {
            let Some(value) = (match word.text.as_ref() {
                "inst" | "id" | "maxlen" | "port" | "ttl" | "group" => words.next(),
                _ => Some(word),
            }) else {
                self.extra_words(word.span);
                break;
            };
            match word.text.as_ref() {
                "id" => daemon.id = self.parse(value, |text| value::integer(text, &(0..=255))),
                "maxlen" => {
                    daemon.maxlen = self.parse(value, |text| value::integer(text, &(1..=65507)));
                }
                "port" => {
                    daemon.port = self.parse(value, |text| value::integer(text, &(1..=65535)));
                }
                "ttl" => daemon.ttl = self.parse(value, |text| value::integer(text, &(1..=255))),
                "group" => daemon.group = self.parse(value, multicast),
                _ if daemon.instance.is_none() => {
                    daemon.instance = Some(value.text.clone().into_owned());
                }
                _ => self.extra_words(value.span),
            }
        }
        daemon
    }

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

fn multicast(text: &str) -> Result<IpAddr, Expected> {
    let group = text.parse().ok().filter(IpAddr::is_multicast);
    group.ok_or_else(|| "a multicast address".to_owned())
}
