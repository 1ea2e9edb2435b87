//! The hashes by which IPVS's `sh`, `dh` and `mh` choose: the same, so that a director with XDP
//! and one with IPVS send a client to the same server.

/// Buckets of `sh` and `dh` (`IP_VS_SH_TAB_SIZE`).
pub const HASH_BUCKETS: u32 = 256;

/// Places in the table of `mh` (`IP_VS_MH_TAB_SIZE` with `CONFIG_IP_VS_MH_TAB_INDEX` as the kernel
/// and Debian have it).
pub const MAGLEV_PLACES: u32 = 4093;

/// Both halves of the key of `mh`'s first hash: of clients, and of where a server begins.
pub const MAGLEV_OFFSET: u64 = 2_654_435_761;

/// Both halves of the key of the second: of the steps that a server takes.
pub const MAGLEV_SKIP: u64 = 2_654_446_892;

/// What is hashed: an address, in host byte order, and a port or 0. An IPv6 address is folded to
/// the exclusive or of its four words.
#[inline(always)]
#[must_use]
pub const fn value(address: u32, port: u16) -> u32 {
    address.wrapping_add(port as u32)
}

/// The bucket of `sh` and `dh`: the kernel's `hash_32` to eight bits.
#[inline(always)]
#[must_use]
pub const fn bucket(value: u32) -> u32 {
    value.wrapping_mul(0x61c8_8647) >> 24
}

/// The kernel's `hsiphash` of one word with a key of two equal halves, as it is on 64-bit machines:
/// SipHash-1-3, cut to 32 bits.
#[inline(always)]
#[must_use]
pub const fn hsiphash(word: u32, half: u64) -> u32 {
    let mut v = [
        0x736f_6d65_7073_6575 ^ half,
        0x646f_7261_6e64_6f6d ^ half,
        0x6c79_6765_6e65_7261 ^ half,
        0x7465_6462_7974_6573 ^ half,
    ];
    let block = 4 << 56 | word as u64;
    v[3] ^= block;
    v = round(v);
    v[0] ^= block;
    v[2] ^= 0xff;
    v = round(round(round(v)));
    (v[0] ^ v[1] ^ v[2] ^ v[3]) as u32
}

#[inline(always)]
const fn round([mut a, mut b, mut c, mut d]: [u64; 4]) -> [u64; 4] {
    a = a.wrapping_add(b);
    b = b.rotate_left(13) ^ a;
    a = a.rotate_left(32);
    c = c.wrapping_add(d);
    d = d.rotate_left(16) ^ c;
    a = a.wrapping_add(d);
    d = d.rotate_left(21) ^ a;
    c = c.wrapping_add(b);
    b = b.rotate_left(17) ^ c;
    c = c.rotate_left(32);
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hsiphash_is_siphash_1_3_cut_to_a_word() {
        use std::hash::Hasher as _;
        // The standard library's hasher is SipHash-1-3, here with both keys 0.
        for word in [0, 1, 0x0a00_0001, u32::MAX] {
            let mut hasher = std::collections::hash_map::DefaultHasher::new();
            hasher.write(&u32::to_le_bytes(word));
            assert_eq!(hsiphash(word, 0), hasher.finish() as u32, "{word}");
        }
    }

    #[test]
    fn neighbouring_clients_spread_over_the_buckets() {
        let mut seen = [0_u32; HASH_BUCKETS as usize];
        for client in 0..25_600 {
            seen[bucket(value(0x0a00_0000 + client, 0)) as usize] += 1;
        }
        assert!(
            seen.iter().all(|count| (80..=120).contains(count)),
            "{seen:?}"
        );
    }
}
