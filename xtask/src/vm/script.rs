//! The command as a shell script that the guest runs: its words, where it runs, its environment.
//! Pure.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// A script for `sh` that becomes `command` in `directory`, with `environment` and nothing else.
pub(super) fn command<'a>(
    command: impl IntoIterator<Item = &'a OsStr>,
    directory: &Path,
    environment: impl IntoIterator<Item = (&'a OsStr, &'a OsStr)>,
) -> Vec<u8> {
    let mut script = Vec::new();
    for (name, value) in environment {
        if is_name(name) {
            script.extend_from_slice(b"export ");
            script.extend_from_slice(name.as_bytes());
            script.push(b'=');
            quote(&mut script, value);
            script.push(b'\n');
        }
    }
    script.extend_from_slice(b"cd ");
    quote(&mut script, directory.as_os_str());
    script.extend_from_slice(b" || exit 125\nexec");
    for word in command {
        script.push(b' ');
        quote(&mut script, word);
    }
    script.push(b'\n');
    script
}

/// `name='value'` on a line of its own, for `sh` to read.
pub(super) fn setting(name: &str, value: &OsStr) -> Vec<u8> {
    let mut line = format!("{name}=").into_bytes();
    quote(&mut line, value);
    line.push(b'\n');
    line
}

/// Whether a shell can have a variable of this name; others (functions that bash exports) are left
/// out.
fn is_name(name: &OsStr) -> bool {
    let letter = |byte: &u8| byte.is_ascii_alphabetic() || *byte == b'_';
    let bytes = name.as_bytes();
    bytes.first().is_some_and(letter)
        && bytes
            .iter()
            .all(|byte| letter(byte) || byte.is_ascii_digit())
}

/// One word for `sh`: nothing within single quotes means anything but the closing one.
fn quote(script: &mut Vec<u8>, word: &OsStr) {
    script.push(b'\'');
    for byte in word.as_bytes() {
        match byte {
            b'\'' => script.extend_from_slice(b"'\\''"),
            byte => script.push(*byte),
        }
    }
    script.push(b'\'');
}

#[cfg(test)]
mod tests;
