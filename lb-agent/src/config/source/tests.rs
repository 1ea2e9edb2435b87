use std::fs;
use std::io::Read;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use super::filesystem::bounded;
use super::*;
use crate::config::include::MAX_BYTES;

fn name_of(result: Result<RawFile, ReadError>) -> String {
    match result {
        Ok(file) => format!("{} bytes", file.bytes.len()),
        Err(error) => error.to_string(),
    }
}

#[test]
fn the_file_system_reads_regular_files_only_and_never_waits() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.conf");
    fs::write(&file, "global_defs {\n}\n").unwrap();
    let pipe = folder.path().join("pipe");
    nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRUSR).unwrap();

    assert_eq!(name_of(FileSystem.read(&file, 1000)), "16 bytes");
    assert!(name_of(FileSystem.read(&file, 15)).starts_with("it is too large: more than 15 bytes"));
    assert_eq!(
        name_of(FileSystem.read(folder.path(), 1000)),
        "it is a directory"
    );
    assert_eq!(
        name_of(FileSystem.read(&pipe, 1000)),
        "it is not a regular file"
    );
    assert_eq!(
        name_of(FileSystem.read(Path::new("/dev/zero"), 1000)),
        "it is not a regular file"
    );
    let missing = folder.path().join("missing");
    assert_eq!(
        name_of(FileSystem.read(&missing, 1000)),
        "there is no such file"
    );
}

/// One line that goes on for a gigabyte, and how much of it was asked for.
struct Line {
    left: usize,
    read: usize,
}

impl Read for Line {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = buffer.len().min(self.left);
        buffer[..count].fill(b'x');
        self.left -= count;
        self.read += count;
        Ok(count)
    }
}

#[test]
fn a_line_of_a_gigabyte_without_a_size_is_read_to_the_limit_and_no_further() {
    for size in [0, 1000] {
        let mut line = Line {
            left: 1 << 30,
            read: 0,
        };
        let error = bounded(&mut line, size, MAX_BYTES).unwrap_err();
        assert!(matches!(error, ReadError::TooLarge { limit } if limit == MAX_BYTES));
        assert_eq!(line.read, MAX_BYTES + 1);
    }
    let mut line = Line {
        left: 1 << 20,
        read: 0,
    };
    let bytes = bounded(&mut line, 0, 1 << 20).unwrap();
    assert_eq!(bytes.len(), 1 << 20, "what is just not too large");
}

#[test]
fn one_file_has_one_identity_by_whatever_name() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.conf");
    let link = folder.path().join("b.conf");
    fs::write(&file, "").unwrap();
    symlink(&file, &link).unwrap();
    let identity = |path: &Path| FileSystem.read(path, 10).unwrap().identity;
    assert_eq!(identity(&file), identity(&link));
    assert_eq!(identity(&file), identity(&folder.path().join("./a.conf")));
}

#[test]
fn an_execute_bit_is_seen() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("a.conf");
    fs::write(&file, "").unwrap();
    assert!(!FileSystem.read(&file, 10).unwrap().executable);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o645)).unwrap();
    assert!(FileSystem.read(&file, 10).unwrap().executable);
}

#[test]
fn both_sources_match_patterns_alike() {
    let folder = tempfile::tempdir().unwrap();
    let mut memory = Memory::default();
    fs::create_dir(folder.path().join("conf.d")).unwrap();
    for name in [
        "conf.d/b.conf",
        "conf.d/a.conf",
        "conf.d/.hidden.conf",
        "conf.d/c.bak",
        "x.conf",
    ] {
        fs::write(folder.path().join(name), "").unwrap();
        memory = memory.with(folder.path().join(name), "");
    }
    for (pattern, expected) in [
        ("conf.d/*.conf", vec!["conf.d/a.conf", "conf.d/b.conf"]),
        ("*/[ab].conf", vec!["conf.d/a.conf", "conf.d/b.conf"]),
        ("x.conf", vec!["x.conf"]),
        ("y.conf", vec![]),
        ("*.conf", vec!["x.conf"]),
    ] {
        let pattern = format!("{}/{pattern}", folder.path().display());
        let expected: Vec<PathBuf> = expected
            .iter()
            .map(|name| folder.path().join(name))
            .collect();
        assert_eq!(FileSystem.matches(&pattern).unwrap(), expected, "{pattern}");
        assert_eq!(
            memory.matches(&pattern).unwrap(),
            expected,
            "{pattern} in memory"
        );
    }
    assert!(FileSystem.matches("/tmp/[a").is_err());
    assert!(memory.matches("/tmp/[a").is_err());
}
