//! Writes an archive in cpio's format `newc`: what an initial ramdisk is
//! (Documentation/driver-api/early-userspace/buffer-format.rst). Pure.

/// Something in the archive, owned by root.
pub(super) struct Entry {
    /// Path without a slash in front.
    pub(super) name: String,
    /// Type and permissions, as in `st_mode`.
    pub(super) mode: u32,
    /// What the file holds; nothing for a directory.
    pub(super) content: Vec<u8>,
}

impl Entry {
    /// A directory.
    pub(super) fn directory(name: &str) -> Self {
        Self {
            name: name.to_owned(),
            mode: 0o040_755,
            content: Vec::new(),
        }
    }

    /// A file that anybody may run.
    pub(super) fn executable(name: String, content: Vec<u8>) -> Self {
        Self {
            name,
            mode: 0o100_755,
            content,
        }
    }
}

/// The archive of `entries`; a directory stands before what is in it.
pub(super) fn archive(entries: &[Entry]) -> Vec<u8> {
    let end = Entry {
        name: "TRAILER!!!".to_owned(),
        mode: 0,
        content: Vec::new(),
    };
    let mut bytes = Vec::new();
    for (number, entry) in (1..).zip(entries.iter().chain([&end])) {
        append(&mut bytes, number, entry);
    }
    bytes
}

/// Header, name and content, each padded to a multiple of four.
fn append(bytes: &mut Vec<u8>, number: usize, entry: &Entry) {
    let fields = [
        number,               // inode
        entry.mode as usize,  // mode
        0,                    // uid
        0,                    // gid
        1,                    // links
        0,                    // mtime
        entry.content.len(),  // file size
        0,                    // device of the file, major
        0,                    // minor
        0,                    // device it is, major
        0,                    // minor
        entry.name.len() + 1, // length of the name with its zero
        0,                    // checksum, unused in this format
    ];
    bytes.extend_from_slice(b"070701");
    for field in fields {
        bytes.extend_from_slice(format!("{field:08x}").as_bytes());
    }
    bytes.extend_from_slice(entry.name.as_bytes());
    bytes.push(0);
    pad(bytes);
    bytes.extend_from_slice(&entry.content);
    pad(bytes);
}

fn pad(bytes: &mut Vec<u8>) {
    bytes.resize(bytes.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests;
