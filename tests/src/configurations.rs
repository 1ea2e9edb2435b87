//! Configurations: those of the demo's directors, from a tutorial, for each mode, and large ones.

mod large;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

pub use large::Large;

use crate::site::{Layout, Mode};

/// As the tutorial has them: DR, the first director MASTER with priority 100, the second BACKUP
/// with 80. Not a byte is changed; [`Layout::demo`] gives the network the names and addresses that
/// the files speak of.
const DR: [&str; 2] = [
    include_str!("../configs/director1.conf"),
    include_str!("../configs/director2.conf"),
];

/// The configurations of both directors of [`Layout::demo`].
///
/// TUN differs from DR in `lb_kind` alone. NAT moves the real servers to the inside segment, and
/// gives the instance their gateway's address as a second virtual address.
pub fn demo(mode: Mode) -> [String; 2] {
    let layout = Layout::demo(mode);
    let kind = format!("lb_kind {mode}");
    DR.map(|text| match layout.inside {
        None => text.replace("lb_kind DR", &kind),
        Some(inside) => text
            .replace("lb_kind DR", &kind)
            .replace("real_server 192.168.159.", "real_server 192.168.160.")
            .replace(
                "dev ens33 label ens33:0",
                &format!(
                    "dev ens33 label ens33:0\n     {}/24 dev {}",
                    layout.gateway, inside.interface
                ),
            ),
    })
}

/// All files that people have: the samples of Debian's keepalived package, the tutorials, and those
/// tutorials that were mended. Sorted by path.
pub fn files() -> io::Result<Vec<PathBuf>> {
    let configs = Path::new(env!("CARGO_MANIFEST_DIR")).join("configs");
    let folders = [
        PathBuf::from("/usr/share/doc/keepalived/samples"),
        configs.join("tutorials"),
        configs.join("mended"),
    ];
    let mut files = Vec::new();
    for folder in folders {
        for entry in fs::read_dir(folder)? {
            let path = entry?.path();
            if path.to_string_lossy().contains(".conf") {
                files.push(path);
            }
        }
    }
    files.sort();
    Ok(files)
}

#[cfg(test)]
mod tests;
