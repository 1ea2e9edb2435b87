//! `umask`: a number, or the names of bits.

use super::{Expected, digits};

/// `NUMBER` as strtol(3) reads it, or `BIT|BIT…`, each `I`, then `R`, `W` or `X`, then `USR`, `GRP`
/// or `OTH`, as the C library names permissions.
pub(crate) fn umask(text: &str) -> Result<u16, Expected> {
    let bits = if text.starts_with(|first: char| first.is_ascii_digit()) {
        number(text).filter(|bits| *bits <= 0o777)
    } else {
        text.split('|')
            .map(str::trim)
            .try_fold(0, |mask, name| Some(mask | bit(name)?))
    };
    bits.ok_or_else(|| "a mask: a number up to 0777, or bits like `IWGRP|IWOTH`".to_owned())
}

fn number(text: &str) -> Option<u16> {
    if let Some(digits) = text.strip_prefix("0x") {
        return u16::from_str_radix(digits, 16).ok();
    }
    if text.len() > 1 && text.starts_with('0') {
        return u16::from_str_radix(text, 8).ok();
    }
    digits(text).and_then(|number| u16::try_from(number).ok())
}

fn bit(name: &str) -> Option<u16> {
    let (right, whose) = name.strip_prefix('I')?.split_at_checked(1)?;
    let right = match right {
        "R" => 0o4,
        "W" => 0o2,
        "X" => 0o1,
        _ => return None,
    };
    let shift = match whose {
        "USR" => 6,
        "GRP" => 3,
        "OTH" => 0,
        _ => return None,
    };
    Some(right << shift)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mask_is_a_number_or_bits() {
        // Taken from keepalived 2.2.7.
        for (text, mask) in [
            ("077", 0o077),
            ("0x3f", 0o077),
            ("63", 0o077),
            ("8", 0o010),
            ("0", 0),
            ("IRGRP", 0o040),
            ("IWGRP|IWOTH", 0o022),
            ("IRUSR | IXOTH", 0o401),
        ] {
            assert_eq!(umask(text), Ok(mask), "{text}");
        }
        for text in ["01777", "S_IRWXG", "IRWXG", "", "I", "IRGRP|", "09", "-1"] {
            assert!(umask(text).is_err(), "{text}");
        }
    }
}
