//! `track_file`: a number in a file, times a weight.
//!
//! ```text
//!   file ──inotify──▶ driver ──read──▶ Value ──FileWeight──▶ Effect on an instance or a server
//! ```
//!
//! keepalived's reading: as C's `strtol` with base 0. A file that is missing, empty or holds no
//! number is 0; a number beyond 32 bits is said and changes nothing.
//!
//! Pure, but for [`InitFile::apply`]; [`driver`] watches the files.

pub mod driver;

use std::fs::{self, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use nix::libc::{O_NOFOLLOW, O_NONBLOCK};

use serde::Serialize;

use super::weight::Effect;
use crate::log_line::LogLine;

/// Bytes of the file that are looked at; keepalived's buffer.
const READ_AT_MOST: u64 = 127;

/// A product that low is a fault of an instance, as keepalived's −254.
const FAULT: i64 = -254;
/// The most that a file can add.
const MOST: i64 = 253;

/// A `track_file`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Its name.
    pub name: String,
    /// `file`.
    pub path: PathBuf,
    /// `init_file [VALUE] [overwrite]`.
    pub init_file: Option<InitFile>,
}

/// What a file is to hold before it is read for the first time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InitFile {
    /// The number, 0 if not given.
    pub value: i32,
    /// Also write to a file that exists (not at a reload).
    pub overwrite: bool,
}

impl InitFile {
    /// Writes the file; gives the line that says why it cannot. Reads and writes the disk.
    pub fn apply(self, file: &Settings, reload: bool) -> Option<LogLine> {
        let name = &file.name;
        match fs::metadata(&file.path) {
            Ok(_) if !self.overwrite => return None,
            Ok(found) if !found.is_file() => {
                return Some(LogLine::Warn(format!(
                    "Cannot initialise track file {name} - it is not a regular file"
                )));
            }
            Ok(_) if reload => return None,
            Ok(_) | Err(_) => {}
        }
        let path = file.path.display();
        write(&file.path, self.value).err().map(|error| {
            LogLine::Warn(format!(
                "Unable to initialise track file {name}: cannot write {path}: {error}"
            ))
        })
    }
}

fn write(path: &Path, value: i32) -> std::io::Result<()> {
    let mut file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o644)
        // Nobody redirects what root writes by a link in /tmp.
        .custom_flags(O_NOFOLLOW)
        .open(path)?;
    writeln!(file, "{value}")
}

/// What stands in a file: −2³¹ to 2³¹.
pub type Value = i64;

/// The number in the file at `path`, as [`parse`] has it. Reads the disk.
pub fn read(path: &Path) -> Result<Value, i64> {
    let mut content = Vec::new();
    // A FIFO in its place must not hold us up.
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(O_NONBLOCK)
        .open(path);
    let read = file.and_then(|file| file.take(READ_AT_MOST).read_to_end(&mut content));
    if read.is_err() {
        // What cannot be read holds no number.
        content.clear();
    }
    parse(&content)
}

/// Reads a number as `strtol(text, NULL, 0)` does: blanks, a sign, `0x…`, `0…` or decimal digits,
/// and whatever follows is ignored. `Err`: beyond keepalived's range; the number as far as 64 bits
/// hold it.
pub fn parse(content: &[u8]) -> Result<Value, i64> {
    let blank = |byte: &u8| byte.is_ascii_whitespace() || *byte == 0x0b;
    let start = content.iter().position(|byte| !blank(byte));
    let rest = content.get(start.unwrap_or(content.len())..);
    let (negative, rest) = match rest.unwrap_or_default() {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] | rest => (false, rest),
    };
    let (base, digits) = match rest {
        [b'0', b'x' | b'X', rest @ ..] if rest.first().is_some_and(u8::is_ascii_hexdigit) => {
            (16, rest)
        }
        [b'0', rest @ ..] => (8, rest),
        rest => (10, rest),
    };
    let digits = digits
        .iter()
        .map_while(|byte| char::from(*byte).to_digit(base));
    let size = digits.fold(0_i64, |sum, digit| {
        sum.saturating_mul(base.into()).saturating_add(digit.into())
    });
    let value = if negative {
        size.saturating_neg()
    } else {
        size
    };
    if (i64::from(i32::MIN)..=i64::from(i32::MAX) + 1).contains(&value) {
        Ok(value)
    } else {
        Err(value)
    }
}

/// `weight N [reverse]` of a file, for one instance or server that tracks it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct FileWeight {
    /// −254 to 254 for an instance, any for a server; 0: any number but 0 is a fault.
    pub value: i32,
    /// The product changes its sign; with weight 0 the number 0 is the fault.
    pub reverse: bool,
}

/// What a file does to a real server (`FILE_CHECK`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServerEffect {
    /// The check fails.
    Down,
    /// So much is added to the server's weight.
    Weight(i32),
}

impl FileWeight {
    /// What the file does to an instance: the product of number and weight, at most 253; −254 or
    /// less is a fault.
    pub fn effect(self, value: Value) -> Effect {
        match self.product(value) {
            Some(product) if product > FAULT => {
                Effect::Priority(i32::try_from(product.min(MOST)).unwrap_or_default())
            }
            Some(_) | None => Effect::Fault,
        }
    }

    /// What the file does to a server: the product, down at −2³¹ or less.
    pub fn server_effect(self, value: Value) -> ServerEffect {
        match self.product(value) {
            Some(product) if product > i64::from(i32::MIN) => {
                ServerEffect::Weight(i32::try_from(product).unwrap_or(i32::MAX))
            }
            Some(_) | None => ServerEffect::Down,
        }
    }

    /// `None`: the number is a fault by itself.
    fn product(self, value: Value) -> Option<i64> {
        if self.value == 0 {
            return ((value != 0) == self.reverse).then_some(0);
        }
        let product = value.saturating_mul(self.value.into());
        Some(if self.reverse {
            product.saturating_neg()
        } else {
            product
        })
    }
}

#[cfg(test)]
mod tests;
