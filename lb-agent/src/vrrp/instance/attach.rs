//! `xdp_attach master`: a new MASTER waits with its addresses until the program is attached.
//!
//! Without the program the kernel would answer clients' packets for the virtual addresses by
//! itself, with a reset for each connection that it does not know. So the network is told where
//! the addresses are only when the program is there: until then clients ask again, which costs
//! them no connection. Adverts do not wait, and so nobody else becomes MASTER meanwhile.

use std::time::{Duration, Instant};

use super::{Action, Instance, LogLine};

/// A card that resets its link for the program takes up to two seconds; a MASTER without addresses
/// is of no use to anybody for longer than that.
pub const ATTACH_PATIENCE: Duration = Duration::from_secs(3);

impl Instance {
    /// Sets the addresses, or waits for the data plane first.
    pub(super) fn take_addresses(&mut self, now: Instant) {
        if self.settings.xdp_attach_master {
            self.attaching = Some(now + ATTACH_PATIENCE);
        } else {
            self.set_addresses(now);
        }
    }

    /// The wait is over, however it ended.
    pub(super) fn finish_attaching(&mut self, now: Instant) {
        if self.attaching.take().is_some() {
            self.set_addresses(now);
        }
    }

    fn set_addresses(&mut self, now: Instant) {
        self.log(LogLine::SettingVips);
        self.act(Action::AddAddresses);
        self.garp.handle_master(now);
        self.announce(now);
    }
}
