//! The checksum of SCTP after its ports have changed: `CRC32c` (RFC 9260 6.8 and appendix A), mended
//! without the packet.
//!
//! A CRC is linear: the CRCs of two packets of the same length differ by the CRC, begun at zero and
//! without its last complement, of what the packets differ by. That is a word of ports with nothing
//! behind it, so its CRC is that word, a polynomial over GF(2), times x to the power of as many bits as
//! there are from its beginning to the end of the packet, modulo `CRC32c`'s polynomial. So a checksum that
//! was right is right again, and one that was wrong stays wrong, by the same difference.
//!
//! Polynomials are mirrored, as `CRC32c` has them: the highest bit of a word is its lowest power.

/// `CRC32c`'s polynomial (Castagnoli), mirrored, without x^32.
const POLYNOMIAL: u32 = 0x82f6_3b78;

/// The polynomial 1.
const ONE: u32 = 1 << 31;

/// x^(8 n): to put so many bytes behind.
static BYTES: [u32; 256] = powers(1);

/// x^(8 · 256 n).
static BLOCKS: [u32; 256] = powers(256);

/// The powers of x^(8 · `bytes`).
#[expect(
    clippy::indexing_slicing,
    reason = "the index is below the length, and constants are made of it alone"
)]
const fn powers(bytes: u32) -> [u32; 256] {
    let (mut step, mut bit) = (ONE, 0);
    while bit < 8 * bytes {
        step = times_x(step);
        bit += 1;
    }
    let (mut powers, mut at) = ([ONE; 256], 1);
    while at < 256 {
        powers[at] = product(powers[at - 1], step);
        at += 1;
    }
    powers
}

/// A polynomial times x.
#[inline(always)]
const fn times_x(polynomial: u32) -> u32 {
    // No branch: a verifier would follow both ways of each.
    polynomial >> 1 ^ POLYNOMIAL & (polynomial & 1).wrapping_neg()
}

/// The product of two polynomials.
#[inline(always)]
const fn product(one: u32, mut other: u32) -> u32 {
    let (mut product, mut power) = (0, 32);
    while power > 0 {
        power -= 1;
        product ^= other & (one >> power & 1).wrapping_neg();
        other = times_x(other);
    }
    product
}

/// What is to be added (XOR) to the checksum of a packet of `length` bytes when its first four change by
/// `change`: old XOR new. Both are words as little-endian machines read them from the packet, which is
/// how SCTP's checksum stands in it.
#[inline(always)]
#[must_use]
#[expect(
    clippy::indexing_slicing,
    reason = "eight bits are an index of 256, which the compiler knows"
)]
pub fn change(change: u32, length: u16) -> u32 {
    let bytes = BYTES[(length & 0xff) as usize];
    let blocks = BLOCKS[(length >> 8) as usize];
    product(product(change, bytes), blocks)
}

#[cfg(test)]
mod tests;
