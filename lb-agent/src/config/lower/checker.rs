//! The lines of checkers with a shape of their own.

mod kinds;

pub(in crate::config) use self::kinds::{
    file_check_weight, host, misc_user, payload, require_reply,
};
use super::Lowering;
use crate::config::draft::{IsChecker, UrlDraft};
use crate::config::keywords::URL;
use crate::config::text::Spanned;
use crate::config::tree::Node;
use crate::config::value::{self, Expected};

/// `url { … }`
pub(in crate::config) fn url<T: IsChecker>(
    checker: &mut T,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let mut draft = UrlDraft::new(node.span());
    lowering.block(&URL, &mut draft, node);
    let urls = &mut checker.checker().urls;
    // Most checkers have one: a growing list would take room for four.
    urls.reserve_exact(1);
    urls.push(draft);
}

/// `status_code CODE|FROM-TO …`
pub(in crate::config) fn status_code(
    url: &mut UrlDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let ranges = lowering.each(node, status_range);
    if !ranges.is_empty() {
        url.status_code = Some(Spanned {
            value: ranges,
            span: node.span(),
        });
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

/// `digest MD5`
pub(in crate::config) fn digest(url: &mut UrlDraft, node: &Node<'_>, lowering: &mut Lowering<'_>) {
    let digest = lowering.first(node, |text| {
        let bytes = value::hex(text)
            .ok()
            .and_then(|bytes| bytes.try_into().ok());
        bytes.ok_or_else(|| "an MD5 digest: 32 hexadecimal digits".to_owned())
    });
    url.body.digest = digest.map(|digest| digest.value);
}

/// `regex_options OPTION …`
pub(in crate::config) fn regex_options(
    url: &mut UrlDraft,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    let words = node.arguments.iter();
    url.body.regex_options = words.map(|word| word.text.clone().into_owned()).collect();
}

/// `regex_stack START MAX`
pub(in crate::config) fn regex_stack(
    url: &mut UrlDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let mut number = |index: usize| {
        let word = node.arguments.get(index)?;
        lowering.parse(word, |text| value::integer(text, &(1..=u32::MAX)))
    };
    url.body.regex_stack = number(0).zip(number(1));
}
