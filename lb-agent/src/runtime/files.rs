//! Files that operators name, read and written so that nothing in their place can hold the agent up
//! or be written over: no FIFO, no device, no link.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use nix::errno::Errno;
use nix::libc::{O_NOFOLLOW, O_NONBLOCK};

/// Reads a file of at most `most` bytes.
pub fn read(path: &Path, most: u64) -> io::Result<Vec<u8>> {
    let mut options = OpenOptions::new();
    let file = options.read(true).custom_flags(O_NONBLOCK).open(path)?;
    regular(&file)?;
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if u64::try_from(bytes.len()).is_ok_and(|length| length <= most) {
        Ok(bytes)
    } else {
        Err(io::Error::other(format!("it has more than {most} bytes")))
    }
}

/// Writes a file, made with mode 0644 unless it is there. Not through a link: in /tmp others may
/// have put one in the way.
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).mode(0o644);
    let opened = options.custom_flags(O_NOFOLLOW | O_NONBLOCK).open(path);
    let mut file =
        opened.map_err(
            |error| match Errno::from_raw(error.raw_os_error().unwrap_or(0)) {
                Errno::ELOOP => io::Error::other("it is a symbolic link"),
                // Of a FIFO that nobody reads.
                Errno::ENXIO => not_regular(),
                _ => error,
            },
        )?;
    regular(&file)?;
    file.set_len(0)?;
    file.write_all(bytes)
}

fn regular(file: &File) -> io::Result<()> {
    if file.metadata()?.is_file() {
        Ok(())
    } else {
        Err(not_regular())
    }
}

fn not_regular() -> io::Error {
    io::Error::other("it is not a regular file")
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use nix::sys::stat::Mode;
    use nix::unistd::mkfifo;

    use super::*;

    #[test]
    fn what_is_written_is_read_and_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        write(&path, b"longer than the next").unwrap();
        write(&path, b"short").unwrap();
        assert_eq!(read(&path, 5).unwrap(), b"short");
        let error = read(&path, 4).unwrap_err().to_string();
        assert_eq!(error, "it has more than 4 bytes");
        assert_eq!(
            read(&folder.path().join("no"), 4).unwrap_err().kind(),
            io::ErrorKind::NotFound
        );
    }

    #[test]
    fn links_fifos_and_devices_are_not_written_and_hold_nobody_up() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        std::fs::write(at("precious"), "precious").unwrap();
        symlink(at("precious"), at("link")).unwrap();
        mkfifo(&at("fifo"), Mode::S_IRWXU).unwrap();
        let error = |path: &Path| write(path, b"x").unwrap_err().to_string();
        assert_eq!(error(&at("link")), "it is a symbolic link");
        assert_eq!(error(&at("fifo")), "it is not a regular file");
        assert_eq!(error(Path::new("/dev/null")), "it is not a regular file");
        assert_eq!(std::fs::read(at("precious")).unwrap(), b"precious");
        let error = read(&at("fifo"), 9).unwrap_err().to_string();
        assert_eq!(error, "it is not a regular file");
    }
}
