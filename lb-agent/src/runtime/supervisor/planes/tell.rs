//! Who carries what and why, for the operator.

use std::collections::BTreeMap;

use tracing::{error, info, warn};

use super::Planes;
use crate::dataplane::choice::Carrier;
use crate::runtime::director::Director;
use crate::runtime::supervisor::RunError;

impl Planes {
    /// Whether there is a data plane for everybody.
    pub(super) fn require(director: &Director) -> Result<(), RunError> {
        let unserved: Vec<String> = director
            .outcomes()
            .filter(|(_, choice)| choice.carrier == Carrier::None)
            .map(|(server, choice)| {
                let reasons = choice.reasons.join("; ");
                let key = &server.key;
                format!("no data plane carries virtual server {key}: {reasons}")
            })
            .collect();
        if unserved.is_empty() || !director.config().global_defs.xdp_required {
            return Ok(());
        }
        let advice = "with `xdp_required off` in global_defs the agent runs without";
        Err(RunError::NoPlane(format!(
            "{}; {advice}",
            unserved.join("\n")
        )))
    }

    /// Every refusal is told once, with what follows from it.
    pub(super) fn tell(&mut self, director: &Director) {
        let carried = director.outcomes().map(|(server, choice)| {
            let reasons = choice.reasons.join("; ");
            let text = match (choice.carrier, reasons.is_empty()) {
                (Carrier::Xdp, true) => String::new(),
                (Carrier::Xdp, false) => format!("is served by XDP: {reasons}"),
                (Carrier::Ipvs, _) => format!("is served by the kernel's IPVS: {reasons}"),
                (Carrier::None, _) => format!("is not served: {reasons}"),
            };
            let text = if text.is_empty() {
                text
            } else {
                format!("virtual server {} {text}", server.key)
            };
            ((server.key.to_string(), choice.carrier), text)
        });
        let carried: Vec<_> = carried.collect();
        let texts: BTreeMap<String, String> = carried
            .iter()
            .filter(|(_, text)| !text.is_empty())
            .map(|((name, _), text)| (name.clone(), text.clone()))
            .collect();
        let carriers: BTreeMap<_, _> = carried.into_iter().map(|(it, _)| it).collect();
        for (name, text) in self.carried.update(texts).begun {
            match carriers.get(&name) {
                Some(Carrier::None) => error!("{text}"),
                Some(Carrier::Xdp) => warn!("{text}"),
                Some(Carrier::Ipvs) | None => info!("{text}"),
            }
        }
    }
}

/// What the verifier says of a program can have a hundred thousand lines: how it begins, and the
/// line in which it says why.
pub(super) fn short(text: &str) -> String {
    const LINES: usize = 3;
    let mut lines = text.lines();
    let first: String = lines.next().unwrap_or_default().chars().take(200).collect();
    let summary =
        |line: &&str| line.starts_with("verification time") || line.starts_with("processed");
    let rest: Vec<&str> = lines.clone().take_while(|line| !summary(line)).collect();
    if rest.len() <= LINES {
        return text.lines().collect::<Vec<_>>().join(" ");
    }
    let last = rest.last().copied().unwrap_or_default();
    format!("{first} … {last} (the whole is logged with --log debug)")
}

#[cfg(test)]
mod tests {
    use super::short;

    #[test]
    fn of_a_verifier_s_log_the_reason_remains() {
        let log = (0..90_000).map(|line| format!("{line}: (bc) w5 = w3\n"));
        let text = format!(
            "cannot load the XDP program: refused\n{}R5 offset is outside of the packet\n\
             verification time 7 usec\nprocessed 9 insns: Permission denied",
            log.collect::<String>()
        );
        assert_eq!(
            short(&text),
            "cannot load the XDP program: refused … R5 offset is outside of the packet (the whole \
             is logged with --log debug)"
        );
        assert_eq!(short("no BPF here"), "no BPF here");
    }
}
