//! `authentication` of an instance.

use super::Resolver;
use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::draft::{AuthType, InstanceDraft};
use crate::config::model::Authentication;
use crate::config::text::Spanned;

/// Bytes of a password on the wire (RFC 2338 5.3.6.1).
const MAX_PASSWORD: usize = 8;

/// The instance cannot be used; why has been said.
pub(super) struct NotSupported;

impl Resolver<'_> {
    /// What its adverts carry.
    pub(super) fn authentication(
        &mut self,
        draft: &InstanceDraft,
        name: &Spanned<String>,
    ) -> Result<Option<Authentication>, NotSupported> {
        let given = &draft.authentication;
        let password = given
            .auth_pass
            .as_ref()
            .filter(|given| !given.value.is_empty());
        match (given.auth_type, password) {
            (Some(kind), _) if kind.value == AuthType::Ah => {
                let message = format!(
                    "authentication by AH is not supported yet: vrrp_instance `{}` is left out",
                    name.value
                );
                self.error(Code::NotSupported, kind.span, message);
                Err(NotSupported)
            }
            (Some(_), Some(password)) => Ok(Some(self.password(password))),
            (Some(kind), None) => {
                let message = "`auth_type` without `auth_pass`: adverts carry no authentication";
                self.warning(Code::MissingSetting, kind.span, message);
                Ok(None)
            }
            (None, Some(password)) => {
                let message = "`auth_pass` without `auth_type`: adverts carry no authentication";
                let missing = Diagnostic::warning(Code::MissingSetting, password.span, message);
                self.report(missing.help("add `auth_type PASS`"));
                Ok(None)
            }
            (None, None) => Ok(None),
        }
    }

    fn password(&mut self, password: &Spanned<String>) -> Authentication {
        let bytes = password.value.as_bytes();
        if bytes.len() > MAX_PASSWORD {
            let message = format!(
                "`auth_pass` has {} bytes: only the first {MAX_PASSWORD} count",
                bytes.len()
            );
            self.warning(Code::Adjusted, password.span, message);
        }
        let mut padded = [0; MAX_PASSWORD];
        for (place, byte) in padded.iter_mut().zip(bytes) {
            *place = *byte;
        }
        Authentication::Pass(padded)
    }
}
