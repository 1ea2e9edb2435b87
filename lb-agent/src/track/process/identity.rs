//! What /proc says about a process (proc(5)).

use std::fs;
use std::path::Path;

use super::COMM_LEN;

/// The most of a command line that is read, bytes: enough for every `process` that fits a line of
/// the configuration.
const COMMAND_LINE: usize = 64 * 1024;

/// Names of a process.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Identity {
    /// The kernel's name, at most 15 bytes.
    pub comm: Vec<u8>,
    /// The words of its command line, which it may have overwritten; none of a kernel thread.
    pub arguments: Vec<Vec<u8>>,
}

impl Identity {
    /// Whether the process is called so. Of a name that the kernel has cut off, the rest is looked
    /// for in the command line: its first word or, for scripts, its second.
    pub fn is_called(&self, name: &[u8]) -> bool {
        let Some(cut) = name.get(..COMM_LEN).filter(|cut| cut.len() < name.len()) else {
            return self.comm == name;
        };
        let base = |word: &Vec<u8>| word.rsplit(|byte| *byte == b'/').next() == Some(name);
        self.comm == cut && self.arguments.iter().take(2).any(base)
    }

    /// Reads the names of process `pid`; `None`: it has ended.
    pub fn read(pid: u32) -> Option<Self> {
        Self::read_in(&Path::new("/proc").join(pid.to_string()))
    }

    fn read_in(folder: &Path) -> Option<Self> {
        let stat = fs::read(folder.join("stat")).ok()?;
        let (comm, state) = parse_stat(&stat)?;
        // A zombie has ended, but for its parent.
        if matches!(state, b'Z' | b'X') {
            return None;
        }
        let comm = comm.into();
        let mut line = fs::read(folder.join("cmdline")).ok()?;
        line.truncate(COMMAND_LINE);
        Some(Self {
            comm,
            arguments: words(&line),
        })
    }
}

impl AsRef<Self> for Identity {
    fn as_ref(&self) -> &Self {
        self
    }
}

/// Every process that runs.
pub fn all() -> Vec<(u32, Identity)> {
    let entries = fs::read_dir("/proc").into_iter().flatten().flatten();
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    pids.filter_map(|pid| Some((pid, Identity::read(pid)?)))
        .collect()
}

/// Name and state: `pid (name) state …`, where the name may hold anything.
fn parse_stat(stat: &[u8]) -> Option<(&[u8], u8)> {
    let open = stat.iter().position(|byte| *byte == b'(')?;
    let close = stat.iter().rposition(|byte| *byte == b')')?;
    let comm = stat.get(open + 1..close)?;
    let state = *stat.get(close + 2)?;
    Some((comm, state))
}

/// The words of a command line, each of which ends with a NUL.
fn words(line: &[u8]) -> Vec<Vec<u8>> {
    let Some(line) = line.strip_suffix(b"\0").or(Some(line)) else {
        return Vec::new();
    };
    if line.is_empty() {
        return Vec::new();
    }
    line.split(|byte| *byte == 0).map(Into::into).collect()
}

#[cfg(test)]
mod tests;
