//! Lines of `virtual_routes` and `static_routes`, in the words of ip-route(8).

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;

use super::Lowering;
use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::draft::{ConfigDraft, RouteDraft};
use crate::config::keywords::{NEXTHOP, ROUTE};
use crate::config::lexer::Word;
use crate::config::model::{NextHop, RouteKind};
use crate::config::tree::Node;
use crate::config::value::{self, Expected};

const LEFT_OUT: &str = "the route is left out";

/// `static_routes { … }`
pub(in crate::config) fn static_routes(
    config: &mut ConfigDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let routes = lowering.routes(node);
    config.static_routes.extend(routes);
}

impl Lowering<'_> {
    /// The routes of a block.
    pub(super) fn routes(&mut self, node: &Node<'_>) -> Vec<RouteDraft> {
        let mut routes: Vec<RouteDraft> = Vec::new();
        for line in node.block.iter().flat_map(|block| &block.nodes) {
            // A brace is a line of its own, so that a second `nexthop {` stands alone.
            let continues = line.keyword.text == "nexthop" && line.block.is_some();
            if let Some(route) = routes.last_mut().filter(|_| continues) {
                self.nexthop_block(route, line);
            } else {
                let route = self.route(line);
                if route.is_some() {
                    self.take(line.span());
                }
                routes.extend(route);
            }
        }
        routes
    }

    fn route(&mut self, line: &Node<'_>) -> Option<RouteDraft> {
        let mut draft = RouteDraft::default();
        let (words, locked) = without_locks(line);
        draft.value.metrics.locked = locked;
        self.old_words(&words);
        let read = self.options(&ROUTE, &mut draft, &words, LEFT_OUT, bare_destination);
        self.nexthop_block(&mut draft, line);
        read.ok()?;
        let hop = std::mem::take(&mut draft.hop);
        if hop != NextHop::default() {
            draft.value.nexthops.insert(0, with_weight(hop));
        }
        if !draft.has_destination {
            let message =
                format!("this route leads nowhere: a network or `default` is missing: {LEFT_OUT}");
            self.report(Diagnostic::warning(Code::BadValue, line.span(), message));
            return None;
        }
        let needs_way = matches!(draft.value.kind, RouteKind::Unicast | RouteKind::Anycast);
        if needs_way && draft.value.nexthops.is_empty() && draft.value.encap.is_none() {
            let message = format!("this route has neither `via` nor `dev`: {LEFT_OUT}");
            self.report(Diagnostic::warning(
                Code::MissingSetting,
                line.span(),
                message,
            ));
            return None;
        }
        let known = |hop: &NextHop| hop.dev.is_some();
        if !draft.value.no_track && !draft.value.nexthops.iter().any(known) {
            let message = "without `dev` nobody notices when somebody else removes this route";
            let untracked = Diagnostic::warning(Code::Adjusted, line.span(), message);
            self.report(untracked.help("add `dev INTERFACE`, or `no_track` where that is meant"));
        }
        Some(draft)
    }

    /// Words that keepalived calls deprecated.
    fn old_words(&mut self, words: &[Word<'_>]) {
        for word in words {
            let new = match word.text.as_ref() {
                "or" => "nexthop",
                "gw" => "via",
                _ => continue,
            };
            let message = format!("`{}` is an old word for `{new}`", word.text);
            self.report(Diagnostic::warning(Code::Deprecated, word.span, message));
        }
    }

    fn nexthop_block(&mut self, route: &mut RouteDraft, line: &Node<'_>) {
        for inner in line.block.iter().flat_map(|block| &block.nodes) {
            let words = all_words(inner);
            let mut hop = NextHop::default();
            let read = self.options(&NEXTHOP, &mut hop, &words, LEFT_OUT, |_, _| false);
            if read.is_ok() {
                route.value.nexthops.push(with_weight(hop));
            }
        }
    }
}

/// The first word of a line is an option, too.
pub(super) fn all_words<'s>(line: &Node<'s>) -> Vec<Word<'s>> {
    let words = std::iter::once(&line.keyword).chain(&line.arguments);
    words.cloned().collect()
}

/// The words without `lock`, and the options that it stands before.
fn without_locks<'s>(line: &Node<'s>) -> (Vec<Word<'s>>, Vec<&'static str>) {
    let mut words = all_words(line);
    let mut locked = Vec::new();
    while let Some(lock) = words.iter().position(|word| word.text == "lock") {
        words.remove(lock);
        let option = lock.checked_sub(1).and_then(|before| words.get(before));
        let name = option.and_then(|option| ROUTE.find(&option.text));
        locked.extend(name.map(|keyword| keyword.name));
    }
    (words, locked)
}

fn with_weight(hop: NextHop) -> NextHop {
    let weight = hop.weight.max(1);
    NextHop { weight, ..hop }
}

/// A destination may stand without `to`.
fn bare_destination(draft: &mut RouteDraft, word: &Word<'_>) -> bool {
    let net = value::net_or_default(&word.text).ok();
    net.is_some_and(|net| {
        destination(draft, net);
        true
    })
}

/// `[to] NET|default`
pub(in crate::config) fn destination(draft: &mut RouteDraft, to: Option<IpNet>) {
    draft.value.to = to;
    draft.has_destination = true;
}

/// `or ADDRESS`: the old word for a second way.
pub(in crate::config) fn another_way(draft: &mut RouteDraft, via: IpAddr) {
    draft.value.nexthops.push(NextHop {
        via: Some(via),
        weight: 1,
        ..NextHop::default()
    });
}

/// `nexthop via … dev … weight …`
pub(in crate::config) fn nexthop(
    draft: &mut RouteDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let mut hop = NextHop::default();
    let read = lowering.options(&NEXTHOP, &mut hop, &node.arguments, LEFT_OUT, |_, _| false);
    if read.is_ok() && hop != NextHop::default() {
        draft.value.nexthops.push(with_weight(hop));
    }
}

/// `encap …`
pub(in crate::config) fn encap(
    draft: &mut RouteDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let words: Vec<&str> = node
        .arguments
        .iter()
        .map(|word| word.text.as_ref())
        .collect();
    let (Some(first), Some(last)) = (node.arguments.first(), node.arguments.last()) else {
        return;
    };
    let all = Word {
        text: words.join(" ").into(),
        span: first.span.to(last.span),
    };
    if let Some(encap) = lowering.parse(&all, |_| value::encap(&words)) {
        draft.value.encap = Some(encap);
    }
}

/// A time as iproute2 writes it: `7ms`, `1.5s`, `7` (milliseconds).
pub(in crate::config) fn time(text: &str) -> Result<Duration, Expected> {
    let (number, unit) = if let Some(number) = text.strip_suffix("ms") {
        (number, 1e-3)
    } else if let Some(number) = text.strip_suffix('s') {
        (number, 1.0)
    } else {
        (text, 1e-3)
    };
    let expected = || "a time, like `100ms` or `1.5s`".to_owned();
    let plain = number
        .bytes()
        .all(|byte| byte.is_ascii_digit() || byte == b'.');
    let number: f64 = number.parse().ok().filter(|_| plain).ok_or_else(expected)?;
    Duration::try_from_secs_f64(number * unit)
        .ok()
        .ok_or_else(expected)
}
