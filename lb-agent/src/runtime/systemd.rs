//! What we tell systemd (`sd_notify(3)`); silence outside of it.

use sd_notify::NotifyState;

/// The agent serves.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The agent reads its configuration again; [`ready`] follows, whatever comes of it.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::debug!("cannot notify systemd: {error}"),
    }
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
