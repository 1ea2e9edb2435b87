//! The checkers of a `real_server`.

use super::Lowering;
use crate::config::draft::{
    BfdCheckDraft, CheckDraft, CheckerDraft, CheckerName, DnsCheckDraft, FileCheckDraft,
    IsChecker as _, MiscCheckDraft, RealServerDraft, SmtpCheckDraft, SslGetDraft, UdpCheckDraft,
};
use crate::config::keywords::{
    BFD_CHECK, DNS_CHECK, FILE_CHECK, HTTP_GET, MISC_CHECK, PING_CHECK, SMTP_CHECK, SSL_GET,
    TCP_CHECK, UDP_CHECK,
};
use crate::config::text::Spanned;
use crate::config::tree::Node;

/// `TCP_CHECK { … }`
pub(in crate::config) fn tcp_check(
    real_server: &mut RealServerDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let mut draft = checker(CheckerName::TcpCheck, node);
    draft.checker().given = lowering.block_of_many(&TCP_CHECK, &mut draft, node);
    add(real_server, CheckDraft::Tcp(draft));
}

/// `HTTP_GET { … }`
pub(in crate::config) fn http_get(
    real_server: &mut RealServerDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let mut draft = checker(CheckerName::HttpGet, node);
    draft.checker().given = lowering.block_of_many(&HTTP_GET, &mut draft, node);
    add(real_server, CheckDraft::Http(draft));
}

/// `SSL_GET { … }`
pub(in crate::config) fn ssl_get(
    real_server: &mut RealServerDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let mut draft = SslGetDraft::new(checker(CheckerName::SslGet, node));
    draft.checker().given = lowering.block_of_many(&SSL_GET, &mut draft, node);
    add(real_server, CheckDraft::Ssl(Box::new(draft)));
}

/// `SMTP_CHECK { … }`
pub(in crate::config) fn smtp_check(
    real_server: &mut RealServerDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let mut draft = SmtpCheckDraft::new(checker(CheckerName::SmtpCheck, node));
    draft.checker().given = lowering.block_of_many(&SMTP_CHECK, &mut draft, node);
    add(real_server, CheckDraft::Smtp(Box::new(draft)));
}

/// `MISC_CHECK { … }`
pub(in crate::config) fn misc_check(
    real_server: &mut RealServerDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let mut draft = MiscCheckDraft::new(checker(CheckerName::MiscCheck, node));
    draft.checker().given = lowering.block_of_many(&MISC_CHECK, &mut draft, node);
    add(real_server, CheckDraft::Misc(Box::new(draft)));
}

/// `DNS_CHECK { … }`
pub(in crate::config) fn dns_check(
    real_server: &mut RealServerDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let mut draft = DnsCheckDraft::new(checker(CheckerName::DnsCheck, node));
    draft.checker().given = lowering.block_of_many(&DNS_CHECK, &mut draft, node);
    add(real_server, CheckDraft::Dns(Box::new(draft)));
}

/// `UDP_CHECK { … }`
pub(in crate::config) fn udp_check(
    real_server: &mut RealServerDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let mut draft = UdpCheckDraft::new(checker(CheckerName::UdpCheck, node));
    draft.checker().given = lowering.block_of_many(&UDP_CHECK, &mut draft, node);
    add(real_server, CheckDraft::Udp(Box::new(draft)));
}

/// `PING_CHECK { … }`
pub(in crate::config) fn ping_check(
    real_server: &mut RealServerDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let mut draft = checker(CheckerName::PingCheck, node);
    draft.checker().given = lowering.block_of_many(&PING_CHECK, &mut draft, node);
    add(real_server, CheckDraft::Ping(draft));
}

/// `BFD_CHECK { … }`
pub(in crate::config) fn bfd_check(
    real_server: &mut RealServerDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let mut draft = BfdCheckDraft::new(checker(CheckerName::BfdCheck, node));
    draft.checker().given = lowering.block_of_many(&BFD_CHECK, &mut draft, node);
    add(real_server, CheckDraft::Bfd(Box::new(draft)));
}

/// `FILE_CHECK { … }`
pub(in crate::config) fn file_check(
    real_server: &mut RealServerDraft,
    node: &Node<'_>,
    lowering: &mut Lowering<'_>,
) {
    let mut draft = FileCheckDraft::new(checker(CheckerName::FileCheck, node));
    draft.checker().given = lowering.block_of_many(&FILE_CHECK, &mut draft, node);
    add(real_server, CheckDraft::File(Box::new(draft)));
}

/// Most servers have one, so there is room for one.
fn add(real_server: &mut RealServerDraft, draft: CheckDraft) {
    real_server.checkers.reserve_exact(1);
    real_server.checkers.push(draft);
}

fn checker(name: CheckerName, node: &Node<'_>) -> CheckerDraft {
    CheckerDraft::new(Spanned {
        value: name,
        span: node.keyword.span,
    })
}
