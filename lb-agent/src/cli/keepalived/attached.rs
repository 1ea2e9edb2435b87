//! Values that stand behind their letter in the same word, for clap: `-tLOG` becomes `-t=LOG`.
//!
//! getopt takes what is left of the word behind `t`, `g`, `M` and `e` as the value, and never the
//! next word; clap can tell such a value from more letters by its `=` alone.

use std::ffi::OsString;
use std::mem;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

/// Letters that may have a value, in the same word only.
const MAY_HAVE_ONE: &[u8] = b"tgMe";

/// Letters that have a value, in the same word or the next one.
const HAVE_ONE: &[u8] = b"fSuprcbAsi";

/// A command line of keepalived's, the program's name first, as clap reads it.
pub(super) fn with_equals(arguments: Vec<OsString>) -> Vec<OsString> {
    // The program's name is no switch either.
    let mut is_value = true;
    let rewritten = arguments.into_iter().map(|word| {
        let bytes = word.as_bytes();
        if mem::take(&mut is_value) || !bytes.starts_with(b"-") || bytes.starts_with(b"--") {
            return word;
        }
        let has_value = |letter: &u8| MAY_HAVE_ONE.contains(letter) || HAVE_ONE.contains(letter);
        let Some(place) = bytes.iter().position(has_value) else {
            return word;
        };
        let (letters, value) = bytes.split_at(place + 1);
        if letters.last().is_some_and(|it| HAVE_ONE.contains(it)) {
            is_value = value.is_empty();
            return word;
        }
        if value.is_empty() || value.starts_with(b"=") {
            return word;
        }
        let equals: &[u8] = b"=";
        OsString::from_vec([letters, equals, value].concat())
    });
    rewritten.collect()
}
