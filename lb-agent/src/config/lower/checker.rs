//! The lines of `TCP_CHECK`, `HTTP_GET` and `url` with a shape of their own.

use super::Lowering;
use crate::config::draft::{CheckerDraft, UrlDraft};
use crate::config::keywords::URL;
use crate::config::model::HttpProtocol;
use crate::config::text::Spanned;
use crate::config::tree::Node;
use crate::config::value::{self, Expected};

/// The words of `http_protocol`.
const HTTP_PROTOCOL: &[(&str, HttpProtocol)] = &[
    ("1.0", HttpProtocol::V1_0),
    ("1.0C", HttpProtocol::V1_0Close),
    ("1.1", HttpProtocol::V1_1),
];

/// `connect_ip ADDRESS`
pub(in crate::config) fn connect_ip(
    checker: &mut CheckerDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    lowering.first(&mut checker.connect_ip, node, value::host_address);
}

/// `bindto ADDRESS`
pub(in crate::config) fn bindto(
    checker: &mut CheckerDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    lowering.first(&mut checker.bindto, node, value::address);
}

/// `http_protocol 1.0|1.0C|1.1`
pub(in crate::config) fn http_protocol(
    checker: &mut CheckerDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    lowering.first(&mut checker.http_protocol, node, |text| {
        value::choice(text, HTTP_PROTOCOL)
    });
}

/// `url { … }`
pub(in crate::config) fn url(
    checker: &mut CheckerDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let mut draft = UrlDraft::new(node.span());
    lowering.block(&URL, &mut draft, node);
    checker.urls.push(draft);
}

/// `status_code CODE|FROM-TO …`
pub(in crate::config) fn status_code(
    url: &mut UrlDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let words = node.arguments.iter();
    let ranges = words
        .filter_map(|word| lowering.parse(word, status_range))
        .collect::<Vec<_>>();
    if !ranges.is_empty() {
        lowering.set(
            &mut url.status_code,
            Spanned {
                value: ranges,
                span: node.span(),
            },
        );
    }
}

fn status_range(text: &str) -> Result<(u16, u16), Expected> {
    let (from, to) = text.split_once('-').unwrap_or((text, text));
    let code = |text: &str| value::integer(text, &(100..=999)).ok();
    match (code(from), code(to)) {
        (Some(from), Some(to)) if from <= to => Ok((from, to)),
        _ => Err("a status code or a range of them, like `200` or `200-299`".to_owned()),
    }
}
