//! Backend slots: by which interface and to which Ethernet address a server's packets leave.

use std::io::{self, Write};

use super::model::{BackendState, BackendView};
use super::table::{self, Align, or_dash};

/// Writes the table.
pub fn write(out: &mut dyn Write, backends: &[BackendView]) -> io::Result<()> {
    use Align::{Left, Right};
    let rows: Vec<_> = backends.iter().map(row).collect();
    table::write(
        out,
        [
            ("Slot", Right),
            ("Gen", Right),
            ("Prot", Left),
            ("VirtualAddress:Port", Left),
            ("RemoteAddress:Port", Left),
            ("Forward", Left),
            ("Weight", Right),
            ("MAC", Left),
            ("Interface", Left),
            ("MTU", Right),
            ("State", Left),
        ],
        &rows,
    )
}

fn row(backend: &BackendView) -> [String; 11] {
    [
        backend.slot.to_string(),
        backend.generation.to_string(),
        backend.protocol.name().into(),
        backend.r#virtual.to_string(),
        backend.real.to_string(),
        forward(backend),
        backend.weight.to_string(),
        or_dash(backend.mac),
        or_dash(backend.interface.as_ref()),
        or_dash(backend.mtu),
        state(backend),
    ]
}

fn forward(backend: &BackendView) -> String {
    let method = backend.method.name();
    backend
        .tunnel
        .as_ref()
        .map_or_else(|| method.to_owned(), |tunnel| format!("{method} {tunnel}"))
}

fn state(backend: &BackendView) -> String {
    let mut words = match backend.state {
        BackendState::Ready => "ready".to_owned(),
        BackendState::Local => "local".to_owned(),
        BackendState::Unresolved => "unresolved".to_owned(),
    };
    if backend.sorry {
        words.push_str(", sorry server");
    }
    if let Some(reason) = &backend.reason {
        words.push_str(": ");
        words.push_str(reason);
    }
    words
}

#[cfg(test)]
mod tests;
