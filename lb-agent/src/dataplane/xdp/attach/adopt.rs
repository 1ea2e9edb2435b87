//! Attachments of an earlier agent: found by their pins, and taken over.

use std::time::Duration;

use aya::programs::links::{FdLink, PinnedLink};
use aya::programs::xdp::XdpLink;

use super::super::object::Object;
use super::super::pins::Pins;
use super::Mode;
use crate::config::model::XdpMode;
use crate::net::link::{self, XdpAttached};
use crate::net::netlink::Connection;

/// How long an attachment that was given up may still be seen.
const RELEASE: Duration = Duration::from_millis(500);
/// How often it is looked for.
const STEP: Duration = Duration::from_millis(5);

/// Takes over a pinned attachment: our program replaces the old one between two packets.
pub(super) fn adopt(
    object: &mut Object,
    pins: &Pins,
    ifindex: u32,
    interface: &str,
    wanted: XdpMode,
) -> Option<(Mode, PinnedLink)> {
    let path = pins.link(ifindex);
    let pinned = PinnedLink::from_pin(&path).ok()?;
    // In doubt it is generic, of which less is expected.
    let found = mode_on(ifindex);
    let mode = found.unwrap_or(Mode::Generic);
    if found.is_some_and(|found| !suits(found, wanted)) {
        tracing::info!(
            "the program of an earlier agent runs on {interface} in {mode} mode, which is not \
             wanted any more: attaching it anew"
        );
        let _gone = std::fs::remove_file(&path);
        return None;
    }
    let old = XdpLink::try_from(FdLink::from(pinned));
    let replaced = old.map_err(|error| error.to_string()).and_then(|link| {
        let program = object.balance().map_err(|error| error.to_string())?;
        let id = program
            .attach_to_link(link)
            .map_err(|error| error.to_string())?;
        program.take_link(id).map_err(|error| error.to_string())
    });
    match replaced {
        // The pin stays where it is; opening it again gives the handle that removes it.
        Ok(_link) => Some((mode, PinnedLink::from_pin(&path).ok()?)),
        Err(reason) => {
            // The interface may have gone and come back under the same index: start afresh.
            tracing::warn!(
                "the old attachment {} is of no use: {reason}",
                path.display()
            );
            let _gone = std::fs::remove_file(&path);
            None
        }
    }
}

/// How a program runs on an interface, as far as the kernel tells.
pub(super) fn mode_on(ifindex: u32) -> Option<Mode> {
    let attached = Connection::open()
        .and_then(|mut connection| link::xdp_attached(&mut connection, ifindex))
        .ok()
        .flatten();
    match attached? {
        XdpAttached::Driver => Some(Mode::Native),
        XdpAttached::Generic => Some(Mode::Generic),
        XdpAttached::None | XdpAttached::Hardware | XdpAttached::Several => None,
    }
}

/// Waits for the end of an attachment that has been given up. It takes some milliseconds; what is
/// still there after [`RELEASE`] is somebody else's, and will be refused.
pub(super) fn wait_until_free(ifindex: u32) {
    let mut waited = Duration::ZERO;
    while waited < RELEASE && mode_on(ifindex).is_some() {
        std::thread::sleep(STEP);
        waited += STEP;
    }
}

/// Whether an attachment may stay as it is.
const fn suits(mode: Mode, wanted: XdpMode) -> bool {
    match wanted {
        XdpMode::Auto => true,
        XdpMode::Native => matches!(mode, Mode::Native),
        XdpMode::Generic => matches!(mode, Mode::Generic),
        XdpMode::Off => false,
    }
}
