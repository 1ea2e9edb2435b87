//! Rules that could never be met are made such that they can, as in keepalived.

use super::lines::Names;
use crate::health::spec::{PoolRules, PooledServer};
use crate::log_line::LogLine;

/// A quorum that is beyond all weights together, alone or with its hysteresis, could never be gained;
/// with a hysteresis of the quorum or more it could never be lost by weight.
pub(super) fn fit(
    rules: &mut PoolRules,
    servers: &[PooledServer],
    names: Names<'_>,
) -> Vec<LogLine> {
    let mut lines = Vec::new();
    let name = names.service();
    let weights = servers.iter().map(|server| server.weight);
    let all = weights.fold(0, u32::saturating_add).max(1);
    if rules.quorum > all {
        lines.push(LogLine::Warn(format!(
            "Virtual server {name}: quorum {} exceeds the total weight of its real servers, {all}: \
             reducing quorum to {all}",
            rules.quorum
        )));
        rules.quorum = all;
    }
    let most = rules.quorum.saturating_sub(1);
    let most = most.min(all.saturating_sub(rules.quorum));
    if rules.hysteresis > most {
        lines.push(LogLine::Warn(format!(
            "Virtual server {name}: hysteresis {} is too much for quorum {}: reducing it to {most}",
            rules.hysteresis, rules.quorum
        )));
        rules.hysteresis = most;
    }
    lines
}
