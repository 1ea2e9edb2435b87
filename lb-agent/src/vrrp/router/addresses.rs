//! Addresses that should be there and are not.
//!
//! What the kernel tells of an address is dealt with at once ([`Member::restore`]); here is what it
//! does not tell.

use std::time::Instant;

use tracing::error;

use super::{ADDRESSES_WAIT, Member, Router};
use crate::vrrp::effects::Kernel;

impl<K: Kernel> Router<K> {
    /// Notifications were lost: what somebody may have removed in the meantime is put back.
    pub(super) fn restore_addresses(&mut self, now: Instant) {
        let present = match self.outside.kernel.addresses() {
            Ok(present) => present,
            Err(error) => return error!("{error}"),
        };
        for address in self.statics.missing_from(&present) {
            self.statics
                .restore_address(&mut self.outside.kernel, &address);
        }
        for member in &mut self.members {
            for address in member.addresses.missing_from(&present) {
                member.restore(&address, &self.interfaces, &mut self.outside, now);
            }
        }
    }

    /// Tries again to set what could not be set: nobody tells when it can be.
    pub(super) fn complete_addresses(&mut self, now: Instant) {
        self.statics
            .complete(&mut self.outside.kernel, &self.interfaces);
        for member in &mut self.members {
            if member.lacks_addresses(&self.interfaces) {
                member.complete(&self.interfaces, &mut self.outside, now);
            }
        }
    }

    /// Whether something is to be tried again, and when.
    pub(super) fn wait_for_addresses(&mut self, now: Instant) {
        let lacks = |member: &Member| member.lacks_addresses(&self.interfaces);
        if !self.statics.lacks_addresses(&self.interfaces) && !self.members.iter().any(lacks) {
            self.check_addresses_at = None;
        } else if self.check_addresses_at.is_none() {
            self.check_addresses_at = Some(now + ADDRESSES_WAIT);
        }
    }
}
