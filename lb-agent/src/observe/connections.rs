//! Flows, in the layout of `ipvsadm -Lnc`.

use std::io::{self, Write};

use super::model::ConnectionView;

/// Writes the table. The flows are written as they come: there may be millions.
pub fn write(
    out: &mut dyn Write,
    connections: impl Iterator<Item = ConnectionView>,
) -> io::Result<()> {
    writeln!(out, "lb-agent connection entries")?;
    writeln!(
        out,
        "pro expire {:<11} {:<18} {:<18} destination",
        "state", "source", "virtual"
    )?;
    for connection in connections {
        let seconds = connection.expires.as_secs();
        let expire = format!("{:02}:{:02}", seconds / 60, seconds % 60);
        writeln!(
            out,
            "{:<3} {expire:<6} {:<11} {:<18} {:<18} {}",
            connection.protocol.name(),
            connection.state,
            connection.client,
            connection.r#virtual,
            connection.real
        )?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
