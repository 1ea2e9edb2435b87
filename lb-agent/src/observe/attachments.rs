//! The interfaces that carry the XDP program, and how.

use std::io::{self, Write};

use super::model::AttachmentView;
use super::table::{self, Align};

/// Writes the table; nothing, if there is none.
pub fn write(out: &mut dyn Write, list: &[AttachmentView]) -> io::Result<()> {
    if list.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = list
        .iter()
        .map(|it| [it.interface.clone(), it.mode.to_string()])
        .collect();
    let headings = [("Interface", Align::Left), ("XDP", Align::Left)];
    table::write(out, headings, &rows)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::observe::sample;

    #[test]
    fn each_interface_has_a_line_and_no_interface_none() {
        let mut out = Vec::new();
        write(&mut out, &sample::attachments()).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(
            text,
            "Interface  XDP\neth0       native\nvlan7      generic\n"
        );
        let mut none = Vec::new();
        write(&mut none, &[]).unwrap();
        assert!(none.is_empty());
    }
}
