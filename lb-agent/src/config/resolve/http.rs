//! `HTTP_GET` and the part of it that `SSL_GET` has as well.

use super::Resolver;
use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::draft::{CheckerDraft, UrlDraft};
use crate::config::model::{HttpGet, Url};
use crate::config::text::Spanned;
use crate::health::probe::http::pattern::Pattern;

/// Answers that count as success without `status_code`.
const SUCCESS: (u16, u16) = (200, 299);

impl Resolver<'_> {
    /// keepalived leaves out a url without path, and a check without url.
    pub(super) fn http_get(
        &mut self,
        draft: &CheckerDraft,
        virtualhost: Option<&Spanned<String>>,
    ) -> Option<HttpGet> {
        let virtualhost = draft.virtualhost.as_ref().or(virtualhost);
        let mut urls = Vec::with_capacity(draft.urls.len());
        urls.extend(
            draft
                .urls
                .iter()
                .filter_map(|url| self.url(url, virtualhost)),
        );
        if urls.is_empty() {
            let message = format!(
                "`{}` without a url with a path: the server counts as up without this check",
                draft.name.value.keyword()
            );
            let useless = Diagnostic::warning(Code::LeftOut, draft.name.span, message);
            self.report(useless.help("add `url { path / }`"));
            return None;
        }
        let http_protocol = draft
            .http_protocol
            .map(|given| given.value)
            .unwrap_or_default();
        Some(HttpGet {
            urls,
            http_protocol,
            fast_recovery: draft.fast_recovery,
            tls_compliant: draft.tls_compliant,
        })
    }

    fn url(&mut self, draft: &UrlDraft, virtualhost: Option<&Spanned<String>>) -> Option<Url> {
        let Some(path) = &draft.path else {
            self.warning(
                Code::MissingSetting,
                draft.span,
                "`url` without `path`: it is left out",
            );
            return None;
        };
        let virtualhost = draft.virtualhost.as_ref().or(virtualhost);
        let mut body = draft.body.clone();
        let regex = body.regex.as_ref();
        if let Some(Err(error)) = regex.map(|regex| Pattern::new(regex, &body.regex_options)) {
            let message = format!("{error}: the body of the answer is not compared with it");
            self.error(Code::BadValue, draft.regex.unwrap_or(draft.span), message);
            body.regex = None;
        }
        Some(Url {
            path: path.value.clone(),
            status_code: draft
                .status_code
                .as_ref()
                .map_or_else(|| vec![SUCCESS], |given| given.value.clone()),
            virtualhost: virtualhost.map(|given| given.value.clone()),
            body,
            tls_compliant: draft.tls_compliant,
        })
    }
}
