//! IPVS in `global_defs`.

use std::net::IpAddr;
use std::time::Duration;

use super::{Lowering, first_or};
use crate::config::draft::GlobalDraft;
use crate::config::lexer::Word;
use crate::config::model::{LvsFlushOnStop, LvsSyncDaemon, LvsTimeouts, NftablesIpvs};
use crate::config::tree::Node;
use crate::config::value::{self, Expected};

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
}

fn multicast(text: &str) -> Result<IpAddr, Expected> {
    let group = text.parse().ok().filter(IpAddr::is_multicast);
    group.ok_or_else(|| "a multicast address".to_owned())
}
