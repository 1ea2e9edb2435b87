//! What we tell systemd (`sd_notify(3)`); silence outside of it.

use sd_notify::NotifyState;

/// The agent serves.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The agent is on its way out.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::debug!("cannot notify systemd: {error}");
    }
}
