//! IPv6 addresses as the program holds them: two words, whose bytes stand as in the packet.

use core::net::Ipv6Addr;

use crate::hash::mix;

/// An IPv6 address.
pub type Address6 = [u64; 2];

/// The words of an address.
#[must_use]
pub const fn words(address: Ipv6Addr) -> Address6 {
    let bits = address.to_bits();
    [((bits >> 64) as u64).to_be(), (bits as u64).to_be()]
}

/// The address of two words.
#[must_use]
pub const fn address(words: Address6) -> Ipv6Addr {
    let [prefix, host] = [u64::from_be(words[0]), u64::from_be(words[1])];
    Ipv6Addr::from_bits((prefix as u128) << 64 | host as u128)
}

/// The exclusive or of the four words of 32 bits, in network byte order: what IPVS's schedulers hash
/// (`ip_vs_sh_hashkey` and its like), and what the filter goes by.
#[inline(always)]
#[must_use]
pub const fn folded(address: Address6) -> u32 {
    let both = address[0] ^ address[1];
    both as u32 ^ (both >> 32) as u32
}

/// Hash of a client's address. Each word goes through all that has come before it, so that who owns a
/// whole network cannot tell two of its addresses that share a bucket.
#[inline(always)]
#[must_use]
pub const fn mixed(address: Address6, secret: u64) -> u64 {
    mix(address[1] ^ mix(address[0], secret), secret)
}

/// Hash of a client's address and port.
#[inline(always)]
#[must_use]
pub const fn hash(address: Address6, port: u16, secret: u64) -> u64 {
    mix(mixed(address, secret) ^ port as u64, secret)
}

/// The first word of `64:ff9b::/96`, where a translator puts the addresses of IPv4 (RFC 6052 2.1).
const TRANSLATED: u64 = 0x0064_ff9b_0000_0000_u64.to_be();

/// What stands for a client where its flows are counted, see
/// [`crate::policy::source_counters`]: its network of 64 bits, of whose
/// addresses a host may take any (RFC 4291 2.5.1, RFC 8981). Clients of IPv4 behind a translator, who have
/// one network together, each stand for themselves.
#[inline(always)]
#[must_use]
pub const fn source(address: Address6, secret: u64) -> u32 {
    let network = mix(address[0], secret);
    if address[0] == TRANSLATED {
        return mix(address[1] ^ network, secret) as u32;
    }
    network as u32
}

/// The first `prefix` bits of an address (`persistence_granularity`).
#[inline(always)]
#[must_use]
pub const fn masked(address: Address6, prefix: u32) -> Address6 {
    let second = prefix.saturating_sub(64);
    [address[0] & mask(prefix), address[1] & mask(second)]
}

/// The first `bits` bits of a word in network byte order; all of them from 64 on.
#[inline(always)]
const fn mask(bits: u32) -> u64 {
    if bits >= 64 {
        return u64::MAX;
    }
    (!(u64::MAX >> bits)).to_be()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ADDRESS: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 1, 2, 3, 4, 5, 6);

    #[test]
    fn words_are_an_address_again() {
        assert_eq!(address(words(ADDRESS)), ADDRESS);
        assert_eq!(words(Ipv6Addr::LOCALHOST)[1].to_be(), 1);
    }

    #[test]
    fn the_fold_is_the_exclusive_or_of_the_four_words() {
        let expected = 0x2001_0db8 ^ 0x0001_0002 ^ 0x0003_0004 ^ 0x0005_0006;
        assert_eq!(u32::from_be(folded(words(ADDRESS))), expected);
    }

    #[test]
    fn any_prefix_keeps_its_first_bits() {
        let all = Ipv6Addr::from_bits(u128::MAX);
        for prefix in 0..=128 {
            let expected = !u128::MAX.checked_shr(prefix).unwrap_or(0);
            let kept = address(masked(words(all), prefix));
            assert_eq!(kept.to_bits(), expected, "/{prefix}");
        }
        let kept = address(masked(words(ADDRESS), 48));
        assert_eq!(kept, Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, 0));
    }

    #[test]
    fn every_bit_of_address_port_and_secret_changes_the_hash() {
        let base = hash(words(ADDRESS), 0x50, 7);
        for bit in 0..128 {
            let other = words(Ipv6Addr::from_bits(ADDRESS.to_bits() ^ 1 << bit));
            assert_ne!(hash(other, 0x50, 7) as u32, base as u32, "{bit}");
            let [one, two] = [words(ADDRESS), other].map(|it| mixed(it, 7) as u32);
            assert_ne!(one, two, "{bit}");
        }
        for bit in 0..16 {
            assert_ne!(hash(words(ADDRESS), 0x50 ^ 1 << bit, 7), base);
        }
        assert_ne!(hash(words(ADDRESS), 0x50, 8), base);
    }

    #[test]
    fn clients_of_one_network_of_64_bits_are_counted_as_one() {
        for bit in 0..128 {
            let other = words(Ipv6Addr::from_bits(ADDRESS.to_bits() ^ 1 << bit));
            let is_one = source(other, 7) == source(words(ADDRESS), 7);
            assert_eq!(is_one, bit < 64, "{bit}");
        }
    }

    #[test]
    fn clients_of_ipv4_behind_a_translator_are_counted_one_by_one() {
        let client = Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, 0xc000, 0x0207);
        for bit in 0..128 {
            let other = words(Ipv6Addr::from_bits(client.to_bits() ^ 1 << bit));
            assert_ne!(source(other, 7), source(words(client), 7), "{bit}");
        }
        // The next network is anybody's.
        let [mut one, mut two] = [1, 2].map(|last| words(Ipv6Addr::from_bits(last)));
        for address in [&mut one, &mut two] {
            address[0] = words(Ipv6Addr::new(0x64, 0xff9b, 1, 0, 0, 0, 0, 0))[0];
        }
        assert_eq!(source(one, 7), source(two, 7));
    }
}
