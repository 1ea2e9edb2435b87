//! The Internet checksum: RFC 1071, and its incremental update, RFC 1624.
//!
//! All words are in the byte order of the packet; the sum does not care, as long as nobody mixes.

use crate::address6::Address6;

/// Folds the carries of a sum into 16 bits.
#[inline(always)]
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    reason = "folded twice, the sum fits"
)]
pub const fn fold(sum: u32) -> u16 {
    let sum = (sum & 0xffff) + (sum >> 16);
    let sum = (sum & 0xffff) + (sum >> 16);
    sum as u16
}

/// As [`fold`], of a sum of words of 32 bits, of which there are less than 2^16.
#[inline(always)]
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    reason = "folded twice, the sum fits"
)]
pub const fn fold_wide(sum: u64) -> u16 {
    let halves = (sum & 0xffff_ffff) + (sum >> 32);
    fold(((halves & 0xffff) + (halves >> 16)) as u32)
}

/// The checksum after the first byte of one word has become smaller by one (RFC 1141, with the
/// carry of RFC 1624).
#[inline(always)]
#[must_use]
#[expect(
    clippy::cast_possible_truncation,
    reason = "what does not fit is the carry, which has been added"
)]
pub const fn increased(check: u16) -> u16 {
    let sum = check as u32 + u16::from_ne_bytes([1, 0]) as u32;
    (sum + ((sum + 1) >> 16)) as u16
}

/// The checksum after one 16-bit word changed (RFC 1624, equation 3).
#[inline(always)]
#[must_use]
pub const fn update16(check: u16, old: u16, new: u16) -> u16 {
    !fold(!check as u32 + !old as u32 + new as u32)
}

/// The checksum after one 32-bit word changed.
#[inline(always)]
#[must_use]
pub const fn update32(check: u16, old: u32, new: u32) -> u16 {
    let old = !old;
    !fold((!check) as u32 + (old & 0xffff) + (old >> 16) + (new & 0xffff) + (new >> 16))
}

/// What a checksum changes by when one IPv6 address becomes another, for [`changed`].
#[inline(always)]
#[must_use]
pub const fn difference6(old: Address6, new: Address6) -> u16 {
    let [first, second] = [!old[0], !old[1]];
    fold_wide(halves(first) + halves(second) + halves(new[0]) + halves(new[1]))
}

/// Both halves of a word, added.
#[inline(always)]
const fn halves(word: u64) -> u64 {
    (word & 0xffff_ffff) + (word >> 32)
}

/// The checksum after something changed that makes this difference (RFC 1624, equation 3).
#[inline(always)]
#[must_use]
pub const fn changed(check: u16, difference: u16) -> u16 {
    !fold(!check as u32 + difference as u32)
}

/// The sum of `bytes` as the packet holds them (an odd last byte is padded with zero), not yet
/// complemented. `bytes` must be shorter than 64 KiB.
#[must_use]
pub fn sum(bytes: &[u8]) -> u32 {
    let (words, rest) = bytes.as_chunks::<2>();
    let total: u32 = words
        .iter()
        .map(|word| u32::from(u16::from_ne_bytes(*word)))
        .sum();
    total
        + rest
            .first()
            .map_or(0, |last| u32::from(u16::from_ne_bytes([*last, 0])))
}

#[cfg(test)]
mod tests;
