//! Bytes: payloads, keys, MAC addresses.

use super::{Expected, path};
use crate::config::model::{HMAC_KEY_LEN, HmacKey, Secret};

/// Pairs of hexadecimal digits, as keepalived takes payloads.
pub(crate) fn hex(text: &str) -> Result<Vec<u8>, Expected> {
    let pairs = text.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair)
            .ok()
            .filter(|pair| pair.len() == 2)?;
        u8::from_str_radix(pair, 16).ok()
    });
    pairs
        .collect::<Option<Vec<u8>>>()
        .ok_or_else(|| "bytes as pairs of hexadecimal digits".to_owned())
}

/// Bytes as pairs of digits, of which any may be `x`: each byte and the bits that do not matter.
pub(crate) fn hex_with_gaps(text: &str) -> Result<Vec<(u8, u8)>, Expected> {
    let digit = |digit: u8| match digit {
        b'x' | b'X' => Some((0, 0x0f)),
        digit => {
            let value = char::from(digit).to_digit(16)?;
            Some((u8::try_from(value).ok()?, 0))
        }
    };
    let pairs = text.as_bytes().chunks(2).map(|pair| match *pair {
        [high, low] => {
            let ((high, no_high), (low, no_low)) = (digit(high)?, digit(low)?);
            Some((high << 4 | low, no_high << 4 | no_low))
        }
        _ => None,
    });
    pairs
        .collect::<Option<Vec<_>>>()
        .ok_or_else(|| "bytes as pairs of hexadecimal digits, `x` for any digit".to_owned())
}

/// `hex:…`, `file:…` or the key itself: 32 to 64 bytes.
pub(crate) fn hmac_key(text: &str) -> Result<HmacKey, Expected> {
    if let Some(file) = text.strip_prefix("file:") {
        return path(file).map(HmacKey::File);
    }
    let bytes = match text.strip_prefix("hex:") {
        Some(digits) => hex(digits)?,
        None => text.as_bytes().to_vec(),
    };
    if HMAC_KEY_LEN.contains(&bytes.len()) {
        Ok(HmacKey::Bytes(Secret::new(bytes)))
    } else {
        Err("a key of 32 to 64 bytes".to_owned())
    }
}

/// A MAC address.
pub(crate) fn mac(text: &str) -> Option<[u8; 6]> {
    let mut bytes = [0; 6];
    let mut parts = text.split(':');
    for byte in &mut bytes {
        *byte = u8::from_str_radix(parts.next()?, 16).ok()?;
    }
    parts.next().is_none().then_some(bytes)
}
