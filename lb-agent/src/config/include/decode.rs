//! From bytes to text, or the verdict that they are none.

use std::sync::Arc;

/// What the bytes of a file are.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Content {
    /// Text. If some of its bytes were no UTF-8 (comments in older encodings), U+FFFD stands in their
    /// places, and with it stands where in the text the file has a U+FFFD of its own.
    Text(Arc<String>, Option<Vec<u32>>),
    /// No text, and why.
    Junk(&'static str),
}

/// Control characters for each 1000 bytes from which on a file is no text. Random bytes have
/// about 110; a text with a stray one stays far below.
const JUNK_PER_MILLE: usize = 20;

/// Bytes that are counted in one that has 256 values: the compiler looks at many of them at once.
const AT_ONCE: usize = 255;

/// Tells text from junk. What is UTF-8 stays where it is.
pub(super) fn decode(bytes: Vec<u8>) -> Content {
    if bytes.starts_with(&[0xff, 0xfe]) || bytes.starts_with(&[0xfe, 0xff]) {
        return Content::Junk("it seems to be UTF-16, save it as UTF-8");
    }
    let count = |part: &[u8]| {
        part.iter()
            .fold(0, |sum: u8, it| sum + u8::from(is_junk(*it)))
    };
    let parts = bytes.chunks(AT_ONCE);
    let controls: usize = parts.map(|part| usize::from(count(part))).sum();
    if controls > 3 && controls > bytes.len() / 1000 * JUNK_PER_MILLE {
        return Content::Junk("it holds binary data");
    }
    match String::from_utf8(bytes) {
        Ok(text) => Content::Text(Arc::new(text), None),
        Err(error) => replaced(error.as_bytes()),
    }
}

/// As [`String::from_utf8_lossy`] does it.
fn replaced(bytes: &[u8]) -> Content {
    let mut text = String::with_capacity(bytes.len());
    let mut own = Vec::new();
    for chunk in bytes.utf8_chunks() {
        let start = text.len();
        let found = chunk.valid().match_indices(char::REPLACEMENT_CHARACTER);
        own.extend(found.filter_map(|(at, _)| u32::try_from(start + at).ok()));
        text.push_str(chunk.valid());
        if !chunk.invalid().is_empty() {
            text.push(char::REPLACEMENT_CHARACTER);
        }
    }
    Content::Text(Arc::new(text), Some(own))
}

fn is_junk(byte: u8) -> bool {
    byte.is_ascii_control() && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0b | 0x0c | 0x1b)
}
