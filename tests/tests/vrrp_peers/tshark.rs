//! What Wireshark makes of our packets.

use std::fs;
use std::process::Command;

use anyhow::{Result, ensure};
use lb_tests::{Frame, Need, skipped};
use tempfile::NamedTempFile;

/// Whether tshark takes all of these frames for adverts, and has nothing to remark about them.
/// Without tshark that is said, and true.
pub(crate) fn ensure_clean(frames: &[Frame]) -> Result<()> {
    ensure_decoded(
        frames,
        &[("Virtual Router Redundancy Protocol", frames.len())],
    )
}

/// Whether tshark has nothing to remark about these frames, and finds so many of each protocol, which
/// it names in words.
pub(crate) fn ensure_decoded(frames: &[Frame], expected: &[(&str, usize)]) -> Result<()> {
    if frames.is_empty() || skipped(&[Need::Program("tshark")]) {
        return Ok(());
    }
    let file = NamedTempFile::new()?;
    fs::write(file.path(), pcap(frames))?;
    let output = Command::new("tshark")
        .args(["-n", "-V", "-o", "ip.check_checksum:TRUE", "-r"])
        .arg(file.path())
        .output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    ensure!(output.status.success(), "tshark: {output:?}");
    for remark in [
        "Malformed",
        "incorrect",
        "Bad checksum",
        "Expert Info (Error",
        "Expert Info (Warn",
    ] {
        ensure!(!text.contains(remark), "tshark says {remark:?}:\n{text}");
    }
    for (protocol, number) in expected {
        let decoded = text.lines().filter(|line| line.starts_with(protocol));
        let decoded = decoded.count();
        ensure!(
            decoded >= *number,
            "tshark takes {decoded} of {} for {protocol}, {number} are:\n{text}",
            frames.len()
        );
    }
    Ok(())
}

/// pcap-savefile(5) of Ethernet frames.
fn pcap(frames: &[Frame]) -> Vec<u8> {
    let mut file = Vec::new();
    for word in [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65535, 1] {
        file.extend(word.to_le_bytes());
    }
    for frame in frames {
        let length = u32::try_from(frame.bytes.len()).unwrap_or(0);
        let seconds = u32::try_from(frame.time.as_secs()).unwrap_or(0);
        for word in [seconds, frame.time.subsec_micros(), length, length] {
            file.extend(word.to_le_bytes());
        }
        file.extend(&frame.bytes);
    }
    file
}
