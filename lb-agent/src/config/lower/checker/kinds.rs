//! Lines with a shape of their own that one kind of checker has.

use crate::config::draft::{
    CheckerDraft, CheckerName, FileCheckDraft, MiscCheckDraft, SmtpCheckDraft, UdpCheckDraft,
};
use crate::config::keywords::HOST;
use crate::config::lower::Lowering;
use crate::config::lower::script::user;
use crate::config::model::{FileCheckWeight, ReplyPattern};
use crate::config::text::Spanned;
use crate::config::tree::Node;
use crate::config::value;

/// `host { … }` of `SMTP_CHECK`
pub(in crate::config) fn host(
    check: &mut SmtpCheckDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let mut draft = CheckerDraft::new(Spanned {
        value: CheckerName::SmtpCheck,
        span: node.keyword.span,
    });
    lowering.block(&HOST, &mut draft, node);
    check.hosts.push(draft);
}

/// `user USER [GROUP]`
pub(in crate::config) fn misc_user(
    check: &mut MiscCheckDraft,
    node: &Node<'_>,
    _lowering: &mut Lowering<'_>,
) {
    let path = &mut check.value.misc_path;
    (path.user, path.group) = user(node, 0);
}

/// `payload HEX …`
pub(in crate::config) fn payload(
    check: &mut UdpCheckDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    if let Some(words) = lowering.all(node, value::hex) {
        check.value.payload = words.into_iter().flatten().collect();
    }
}

/// `require_reply [HEX …]`
pub(in crate::config) fn require_reply(
    check: &mut UdpCheckDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    if let Some(words) = lowering.all(node, value::hex_with_gaps) {
        let (bytes, ignore) = words.into_iter().flatten().unzip();
        check.value.require_reply = Some(ReplyPattern { bytes, ignore });
    }
}

/// `weight N [reverse|noreverse]`; 0 is the file's own.
pub(in crate::config) fn file_check_weight(
    check: &mut FileCheckDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let number = node.arguments.first();
    let number = number.and_then(|word| lowering.parse(word, value::file_check_weight));
    let Some(weight) = number else {
        return;
    };
    let reverse = match node.arguments.get(1) {
        None => false,
        Some(word) if word.text == "noreverse" => false,
        Some(word) if word.text == "reverse" => true,
        Some(word) => {
            lowering.extra_words(word.span);
            false
        }
    };
    check.weight = (weight != 0).then_some(FileCheckWeight { weight, reverse });
}
