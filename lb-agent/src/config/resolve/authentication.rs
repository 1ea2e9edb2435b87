//! `authentication` of an instance.

use super::Resolver;
use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::draft::{AuthType, InstanceDraft};
use crate::config::model::{Authentication, Secret};
use crate::config::text::Spanned;

/// Bytes of a password on the wire (RFC 2338 5.3.6.1).
const MAX_PASSWORD: usize = 8;

impl Resolver<'_> {
    /// What its adverts carry.
    pub(super) fn authentication(
        &mut self,
        draft: &InstanceDraft,
        version: u8,
    ) -> Option<Authentication> {
        let given = &draft.authentication;
        let password = given
            .auth_pass
            .as_ref()
            .filter(|given| !given.value.is_empty());
        match (given.auth_type, password) {
            (Some(kind), _) if version == 3 => {
                let message = "VRRP version 3 has no authentication: it is ignored";
                let ignored = Diagnostic::warning(Code::Adjusted, kind.span, message);
                self.report(ignored.help("leave it out, or write `version 2` on all routers"));
                None
            }
            (Some(kind), Some(password)) if kind.value == AuthType::Ah => {
                let key = self.password(password).into_iter();
                let key: Vec<u8> = key.take(password.value.len()).collect();
                Some(Authentication::Ah(Secret::new(key)))
            }
            (Some(_), Some(password)) => Some(Authentication::Pass(self.password(password))),
            (Some(kind), None) => {
                let message = "`auth_type` without `auth_pass`: adverts carry no authentication";
                self.warning(Code::MissingSetting, kind.span, message);
                None
            }
            (None, Some(password)) => {
                let message = "`auth_pass` without `auth_type`: adverts carry no authentication";
                let missing = Diagnostic::warning(Code::Surprising, password.span, message);
                self.report(missing.help("add `auth_type PASS`"));
                None
            }
            (None, None) => None,
        }
    }

    fn password(&mut self, password: &Spanned<String>) -> [u8; MAX_PASSWORD] {
        let bytes = password.value.as_bytes();
        if bytes.len() > MAX_PASSWORD {
            let message = format!(
                "`auth_pass` has {} bytes: only the first {MAX_PASSWORD} count",
                bytes.len()
            );
            let cut = Diagnostic::warning(Code::Adjusted, password.span, message);
            self.report(cut.help("write the same 8 bytes on all routers"));
        }
        let mut padded = [0; MAX_PASSWORD];
        for (place, byte) in padded.iter_mut().zip(bytes) {
            *place = *byte;
        }
        padded
    }
}
