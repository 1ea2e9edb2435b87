//! What operators have set by hand.

use std::io::{self, Write};

use super::model::HandView;
use super::table::{self, Align};

/// Writes the table; nothing, if nothing is set.
pub fn write(out: &mut dyn Write, list: &[HandView]) -> io::Result<()> {
    if list.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = list
        .iter()
        .map(|it| {
            let set = if it.drained {
                "drained".to_owned()
            } else {
                format!("weight {}", it.weight)
            };
            [it.virtual_server.clone(), it.real_server.clone(), set]
        })
        .collect();
    let headings = [
        ("Virtual server", Align::Left),
        ("Real server", Align::Left),
        ("Set by hand", Align::Left),
    ];
    table::write(out, headings, &rows)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_drained_server_and_a_weight_are_told_apart() {
        let hand = |real_server: &str, drained, weight| HandView {
            virtual_server: "[192.168.0.1]:tcp:80".into(),
            real_server: real_server.into(),
            address: None,
            drained,
            weight,
        };
        let list = [
            hand("[10.0.0.2]:tcp:80", true, 0),
            hand("[10.0.0.3]:tcp:80", false, 7),
        ];
        let mut out = Vec::new();
        write(&mut out, &list).unwrap();
        let text = String::from_utf8(out).unwrap();
        let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
        assert!(lines[0].ends_with("Set by hand"), "{text}");
        assert!(
            lines[1].ends_with("drained") && lines[2].ends_with("weight 7"),
            "{text}"
        );
        let mut none = Vec::new();
        write(&mut none, &[]).unwrap();
        assert!(none.is_empty());
    }
}
