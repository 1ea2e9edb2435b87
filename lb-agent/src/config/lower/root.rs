//! Lines and blocks of the top level without a subject of their own.

use std::time::Duration;

use super::Lowering;
use crate::config::draft::ConfigDraft;
use crate::config::keywords::SSL;
use crate::config::mention::Named;
use crate::config::model::{LinkbeatKind, Ssl, UpDownDelay};
use crate::config::tree::Node;
use crate::config::value;

/// `SSL { … }`
pub(in crate::config) fn ssl(
    config: &mut ConfigDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let mut ssl = Ssl::default();
    config.ssl = lowering.block(&SSL, &mut ssl, node);
    config.environment.ssl = Some(ssl);
}

/// `linkbeat_interfaces { INTERFACE [mii|ethtool|ioctl] … }`
pub(in crate::config) fn linkbeat_interfaces(
    config: &mut ConfigDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    const KINDS: &[(&str, LinkbeatKind)] = &[
        ("mii", LinkbeatKind::Mii),
        ("ethtool", LinkbeatKind::Ethtool),
        ("ioctl", LinkbeatKind::Ioctl),
    ];
    for line in node.block.iter().flat_map(|block| &block.nodes) {
        let Some(interface) = lowering.parse(&line.keyword, value::interface) else {
            continue;
        };
        let kind = line.arguments.first();
        let kind = kind.map(|word| lowering.parse(word, |text| value::choice(text, KINDS)));
        let kind = kind.flatten().unwrap_or_default();
        let list = &mut config.environment.linkbeat.linkbeat_interfaces;
        list.push((interface, kind));
        lowering.take(line.keyword.span);
    }
}

/// `interface_up_down_delays { INTERFACE DOWN [UP] … }`
pub(in crate::config) fn interface_up_down_delays(
    config: &mut ConfigDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let range = Duration::ZERO..=Duration::from_secs(255);
    for line in node.block.iter().flat_map(|block| &block.nodes) {
        let place = ("top level", "interface_up_down_delays");
        lowering
            .mentions
            .note(Named::Interface, place, &line.keyword);
        let Some(interface) = lowering.parse(&line.keyword, value::interface) else {
            continue;
        };
        let mut delay = |index: usize| {
            let word = line.arguments.get(index)?;
            lowering.parse(word, |text| value::seconds(text, &range))
        };
        let down_delay = delay(0).unwrap_or_default();
        let up_delay = delay(1).unwrap_or(down_delay);
        config
            .environment
            .interface_up_down_delays
            .push(UpDownDelay {
                interface,
                down_delay,
                up_delay,
            });
        lowering.take(line.keyword.span);
    }
}
