//! Which data plane carries each virtual server, and why not XDP, as a list.

use std::io::{self, Write};

use super::model::CarrierView;
use crate::dataplane::choice::Carrier;

/// Whether there is anything to say: XDP carries everybody, and nothing is in its way.
pub fn is_worth_a_word(list: &[CarrierView]) -> bool {
    list.iter().any(is_told)
}

/// Writes a line for each virtual server that XDP does not carry, or not as it should.
pub fn write(out: &mut dyn Write, list: &[CarrierView]) -> io::Result<()> {
    writeln!(out, "Virtual server               Plane  Why")?;
    for view in list.iter().filter(|view| is_told(view)) {
        let plane = match view.plane {
            Carrier::Xdp => "XDP",
            Carrier::Ipvs => "IPVS",
            Carrier::None => "none",
        };
        let reasons = view.reasons.join("; ");
        writeln!(out, "{:<28} {plane:<6} {reasons}", view.virtual_server)?;
    }
    Ok(())
}

fn is_told(view: &CarrierView) -> bool {
    view.plane != Carrier::Xdp || !view.reasons.is_empty()
}

#[cfg(test)]
mod tests;
