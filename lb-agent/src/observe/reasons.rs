//! Why packets of our services were not forwarded as usual.

use std::io::{self, Write};

use super::model::ReasonView;
use super::table::{self, Align};

/// Writes the table.
pub fn write(out: &mut dyn Write, reasons: &[ReasonView]) -> io::Result<()> {
    let rows: Vec<_> = reasons
        .iter()
        .map(|reason| [reason.reason.to_string(), reason.packets.to_string()])
        .collect();
    let headings = [("Not forwarded", Align::Left), ("Packets", Align::Right)];
    table::write(out, headings, &rows)
}
