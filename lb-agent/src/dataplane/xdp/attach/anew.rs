//! New attachments: the modes to try, one after the other, and the pin.

use aya::programs::XdpMode as AttachMode;
use aya::programs::links::{FdLink, LinkError, PinnedLink};
use aya::programs::xdp::XdpLink;

use super::super::object::{Object, ObjectError};
use super::super::pins::Pins;
use super::occupant::Occupants;
use super::refusal::{is_of_this_mode, refusal};
use super::{AttachError, Attached, Mode};
use crate::config::model::XdpMode;

pub(super) fn attach_anew(
    object: &mut Object,
    ifindex: u32,
    interface: &str,
    wanted: XdpMode,
    occupants: &mut Occupants,
) -> Result<(Attached, XdpLink), AttachError> {
    let attempts: &[(Mode, AttachMode)] = match wanted {
        XdpMode::Auto => &[
            (Mode::Native, AttachMode::Driver),
            (Mode::Generic, AttachMode::Skb),
        ],
        XdpMode::Native => &[(Mode::Native, AttachMode::Driver)],
        XdpMode::Generic => &[(Mode::Generic, AttachMode::Skb)],
        XdpMode::Off => &[],
    };
    let mut refused: Option<AttachError> = None;
    for (mode, attach_mode) in attempts {
        let program = object.balance()?;
        match program.attach_to_if_index(ifindex, *attach_mode) {
            Ok(id) => {
                let taken = program
                    .take_link(id)
                    .map_err(|source| ObjectError::Program {
                        what: "keep the attachment",
                        source,
                    })?;
                let attached = Attached {
                    mode: *mode,
                    not_native: refused.map(|native| native.to_string()),
                };
                return Ok((attached, taken));
            }
            Err(error) => {
                let error = name_occupant(refusal(interface, *mode, &error), ifindex, occupants);
                let again = *mode == Mode::Native && is_of_this_mode(&error);
                if attempts.len() > 1 && again {
                    tracing::warn!("{error}; trying generic mode");
                }
                refused = Some(error);
                if !again {
                    break;
                }
            }
        }
    }
    Err(refused.unwrap_or_else(|| AttachError::Busy {
        interface: interface.to_owned(),
        occupant: None,
    }))
}

/// Adds whose program is on the interface to a refusal for that reason.
fn name_occupant(error: AttachError, ifindex: u32, occupants: &mut Occupants) -> AttachError {
    match error {
        AttachError::Busy { interface, .. } => AttachError::Busy {
            interface,
            occupant: occupants.on(ifindex).cloned().map(Box::new),
        },
        AttachError::Refused { .. } | AttachError::Object(_) | AttachError::Pin { .. } => error,
    }
}

pub(super) fn pin(
    link: XdpLink,
    pins: &Pins,
    ifindex: u32,
    interface: &str,
) -> Result<PinnedLink, AttachError> {
    let refused = |reason: String| AttachError::Pin {
        interface: interface.to_owned(),
        reason,
    };
    let link = FdLink::try_from(link).map_err(|error: LinkError| refused(error.to_string()))?;
    let path = pins.link(ifindex);
    // What stands there belongs to an interface that has gone.
    let _stale = std::fs::remove_file(&path);
    link.pin(path).map_err(|error| refused(error.to_string()))
}
