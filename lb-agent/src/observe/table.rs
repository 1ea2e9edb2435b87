//! Columns as wide as what stands in them.

use std::io::{self, Write};

/// Where a column's text stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Align {
    Left,
    Right,
}

/// Writes `rows` under `headings`, two blanks between columns, none at the end of a line.
pub(super) fn write<const N: usize>(
    out: &mut dyn Write,
    headings: [(&str, Align); N],
    rows: &[[String; N]],
) -> io::Result<()> {
    let widths = headings.map(|(heading, _)| heading.chars().count());
    let widths = rows.iter().fold(widths, |widths, row| {
        let mut cells = row.iter();
        widths.map(|width| {
            cells
                .next()
                .map_or(0, |cell| cell.chars().count())
                .max(width)
        })
    });
    let aligns = headings.map(|(_, align)| align);
    let titles = headings.map(|(heading, _)| heading.to_owned());
    for row in std::iter::once(&titles).chain(rows) {
        let cells = row.iter().zip(widths).zip(aligns);
        let line: Vec<String> = cells
            .map(|((cell, width), align)| match align {
                Align::Left => format!("{cell:<width$}"),
                Align::Right => format!("{cell:>width$}"),
            })
            .collect();
        writeln!(out, "{}", line.join("  ").trim_end())?;
    }
    Ok(())
}

/// `-` for what is not known.
pub(super) fn or_dash(value: Option<impl ToString>) -> String {
    value.map_or_else(|| "-".into(), |value| value.to_string())
}
