//! Why packets of our services were not forwarded as usual.

use std::io::{self, Write};

use super::model::ReasonView;
use super::table::{self, Align};

/// Writes the table.
pub fn write(out: &mut dyn Write, reasons: &[ReasonView]) -> io::Result<()> {
    let rows: Vec<_> = reasons
        .iter()
        .map(|reason| {
            let (name, meaning) = (reason.reason.to_string(), reason.meaning.to_string());
            [name, reason.packets.to_string(), meaning]
        })
        .collect();
    let headings = [
        ("Not forwarded", Align::Left),
        ("Packets", Align::Right),
        ("What became of them", Align::Left),
    ];
    table::write(out, headings, &rows)
}
