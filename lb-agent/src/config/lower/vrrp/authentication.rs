//! `authentication` and `auth_hmac` of an instance.

use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::draft::InstanceDraft;
use crate::config::keywords::{AUTH_HMAC, AUTHENTICATION};
use crate::config::lower::Lowering;
use crate::config::model::AuthHmac;
use crate::config::text::Spanned;
use crate::config::tree::Node;
use crate::config::value;

/// `authentication { auth_type …; auth_pass … }`; several blocks are one.
pub(in crate::config) fn authentication(
    instance: &mut InstanceDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    lowering.block(&AUTHENTICATION, &mut instance.authentication, node);
}

/// `auth_hmac { … }`
pub(in crate::config) fn auth_hmac(
    instance: &mut InstanceDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let mut value = AuthHmac::default();
    let given = lowering.block(&AUTH_HMAC, &mut value, node);
    if given.span("active_key").is_none() {
        value.active_key = value.key.first().map_or(0, |(id, _)| *id);
    }
    instance.auth_hmac_given = given;
    let span = node.keyword.span;
    instance.auth_hmac = Some(Spanned { value, span });
}

/// `key ID hex:…|file:…|TEXT`
pub(in crate::config) fn hmac_key(
    hmac: &mut AuthHmac,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    if let [id, key] = node.arguments.as_slice()
        && let Some(id) = lowering.parse(id, |text| value::integer(text, &(0..=255)))
    {
        let known = hmac.key.iter().any(|(known, _)| *known == id);
        match lowering.parse_secret(key, value::hmac_key) {
            Some(_) if known => {
                let message = format!("key {id} is given twice: the second one is left out");
                lowering.report(Diagnostic::warning(Code::Repeated, key.span, message));
            }
            Some(key) => {
                hmac.key.push((id, key));
                lowering.take(node.span());
            }
            None => {}
        }
    }
}
