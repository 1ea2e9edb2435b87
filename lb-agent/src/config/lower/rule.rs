//! Lines of `virtual_rules` and `static_rules`, in the words of ip-rule(8).

use super::Lowering;
use super::route::all_words;
use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::draft::{ConfigDraft, RuleDraft};
use crate::config::keywords::RULE;
use crate::config::model::{Range, RuleAction};
use crate::config::tree::Node;
use crate::config::value::{self, Expected};

const LEFT_OUT: &str = "the rule is left out";

/// `static_rules { … }`
pub(in crate::config) fn static_rules(
    config: &mut ConfigDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let rules = lowering.rules(node);
    config.static_rules.extend(rules);
}

impl Lowering<'_> {
    /// The rules of a block.
    pub(super) fn rules(&mut self, node: &Node<'_>) -> Vec<RuleDraft> {
        let lines = node.block.iter().flat_map(|block| &block.nodes);
        lines.filter_map(|line| self.rule(line)).collect()
    }

    fn rule(&mut self, line: &Node<'_>) -> Option<RuleDraft> {
        self.refuse_block(line);
        let mut draft = RuleDraft::default();
        let words = all_words(line);
        self.options(&RULE, &mut draft, &words, LEFT_OUT, |_, _| false)
            .ok()?;
        if draft.value.action == RuleAction::None && !draft.value.l3mdev {
            let message = format!("this rule does nothing: `table` is missing: {LEFT_OUT}");
            self.report(Diagnostic::warning(
                Code::MissingSetting,
                line.span(),
                message,
            ));
            return None;
        }
        if draft.value.preference.is_none() {
            let message = "without `preference` the kernel chooses the rule's place: two directors \
                           may differ";
            self.report(Diagnostic::warning(
                Code::MissingSetting,
                line.span(),
                message,
            ));
        }
        self.take(line.span());
        Some(draft)
    }
}

/// `fwmark MARK[/MASK]`
pub(in crate::config) fn mark(text: &str) -> Result<(u32, u32), Expected> {
    let (mark, mask) = text.split_once('/').unwrap_or((text, "0xffffffff"));
    value::hex_or_decimal(mark)
        .zip(value::hex_or_decimal(mask))
        .ok_or_else(|| "a mark, like `7` or `0x7/0xff`".to_owned())
}

/// `FIRST[-LAST]`
pub(in crate::config) fn range<N>(text: &str) -> Result<Range<N>, Expected>
where
    N: Copy + std::str::FromStr + PartialOrd,
{
    let (first, last) = text.split_once('-').unwrap_or((text, text));
    let number = |text: &str| text.parse::<N>().ok();
    match (number(first), number(last)) {
        (Some(first), Some(last)) if first <= last => Ok(Range { first, last }),
        _ => Err("a number or a range, like `7` or `7-9`".to_owned()),
    }
}

/// `ipproto PROTOCOL`
pub(in crate::config) fn ip_protocol(text: &str) -> Result<u8, Expected> {
    const NAMES: &[(&str, u8)] = &[
        ("icmp", 1),
        ("tcp", 6),
        ("udp", 17),
        ("ipv6-icmp", 58),
        ("vrrp", 112),
        ("sctp", 132),
    ];
    value::choice(text, NAMES)
        .or_else(|_: Expected| value::hex_byte(text))
        .ok()
        .ok_or_else(|| "a protocol: tcp, udp, icmp, sctp or a number to 255".to_owned())
}
