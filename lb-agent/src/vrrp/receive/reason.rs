//! Why an advert is not acceptable, or how it differs; in keepalived's words.

use std::net::{IpAddr, Ipv4Addr};

use thiserror::Error;

/// How the addresses of an advert differ from ours. Printed behind `(name of the instance) `.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Mismatch {
    /// More or fewer.
    #[error("expected {expected} VIPs but received {received} from {from}")]
    Count {
        /// The sender.
        from: IpAddr,
        /// Ours.
        expected: usize,
        /// Theirs.
        received: usize,
    },
    /// One of ours is missing.
    #[error(
        "ip address associated with VRID {vrid} not present in advert from {from}: \
         {address}"
    )]
    Missing {
        /// The sender.
        from: IpAddr,
        /// Virtual router id.
        vrid: u8,
        /// The address of ours that it does not have.
        address: IpAddr,
    },
}

/// What is wrong with the trailer of an advert.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum HmacFault {
    /// There is none.
    #[error("advert without a trailer")]
    Missing,
    /// It is of a kind that is not known here.
    #[error("trailer of an unknown kind")]
    Unknown,
    /// Signed with a key that we do not have.
    #[error("trailer signed with key {0}, which is not configured here,")]
    Key(u8),
    /// Older than `time_window`, or from the future. Seconds.
    #[error("advert that is {0} s old (time_window; are the clocks of both right?)")]
    Stale(i64),
    /// Another key of the same number, or changed on the way.
    #[error("invalid digest (another key, or changed on the way)")]
    Digest,
    /// It was heard before, or a newer one was.
    #[error("replayed advert")]
    Replay,
}

/// Why an advert is not acceptable. Printed behind `(name of the instance) `.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum Rejected {
    /// Shorter than it says.
    #[error("vrrp packet from {from} too short, length {received} and expect {expected}")]
    TooShort {
        /// The sender.
        from: IpAddr,
        /// Bytes, IP header included.
        received: usize,
        /// Bytes, IP header included.
        expected: usize,
    },
    /// Longer than it says, beyond what padding explains.
    #[error("vrrp packet from {from} too long, length {received} and expect {expected}")]
    TooLong {
        /// The sender.
        from: IpAddr,
        /// Bytes, IP header included.
        received: usize,
        /// Bytes, IP header included.
        expected: usize,
    },
    /// Forwarded by a router, so not from this link.
    #[error("invalid TTL/HL from {from}. Received {received} and expect 255")]
    Ttl {
        /// The sender.
        from: IpAddr,
        /// Its TTL.
        received: u8,
    },
    /// Another version of the protocol.
    #[error("wrong VRRP version from {from}. Received {received} and expect {expected}")]
    Version {
        /// The sender.
        from: IpAddr,
        /// Its version.
        received: u8,
        /// Ours.
        expected: u8,
    },
    /// An authentication type that does not exist.
    #[error("Invalid auth type from {from}: {received}")]
    UnknownAuthType {
        /// The sender.
        from: IpAddr,
        /// Its type.
        received: u8,
    },
    /// The two sides are configured for different authentication.
    #[error("received a {received} auth from {from}, expecting {expected}!")]
    AuthType {
        /// The sender.
        from: IpAddr,
        /// Its type.
        received: u8,
        /// Ours.
        expected: u8,
    },
    /// Another password.
    #[error("received an invalid passwd from {from}!")]
    Password {
        /// The sender.
        from: IpAddr,
    },
    /// An authentication header where there should be none, or none where one should be.
    #[error("{} from {from}", if *expected { "no authentication header in an advert" } else { "unexpected authentication header in an advert" })]
    AuthHeader {
        /// The sender.
        from: IpAddr,
        /// Whether `auth_type AH` is ours.
        expected: bool,
    },
    /// The authentication header names another sender than the IP header.
    #[error("IPSEC AH : invalid IPSEC SPI value. {spi} and expect {from}")]
    Spi {
        /// The sender.
        from: IpAddr,
        /// What the header names.
        spi: Ipv4Addr,
    },
    /// An advert that was sent before, or an old one.
    #[error(
        "IPSEC-AH : sequence number {received} from {from} already processed. Packet dropped. Local({last})"
    )]
    Replay {
        /// The sender.
        from: IpAddr,
        /// Its number.
        received: u32,
        /// The highest so far.
        last: u32,
    },
    /// Another key, or changed on the way.
    #[error(
        "IPSEC-AH : invalid IPSEC HMAC-MD5 value from {from}. Due to fields mutation or bad password !"
    )]
    Digest {
        /// The sender.
        from: IpAddr,
    },
    /// The trailer of `auth_hmac`.
    #[error("auth_hmac: {why} from {from}")]
    Hmac {
        /// The sender.
        from: IpAddr,
        /// What is wrong with it.
        why: HmacFault,
    },
    /// The two sides are configured for different intervals.
    #[error("advertisement interval mismatch with {from} mine={expected} sec rcv'd={received} sec")]
    AdverInt {
        /// The sender.
        from: IpAddr,
        /// Its interval, seconds.
        received: u8,
        /// Ours, seconds.
        expected: u8,
    },
    /// Version 3: an interval of zero, which would make every backup a master at once.
    #[error("advertisement interval of zero from {from}")]
    NoInterval {
        /// The sender.
        from: IpAddr,
    },
    /// Not an advertisement.
    #[error("Invalid packet type from {from}. {received} and expect 1")]
    PacketType {
        /// The sender.
        from: IpAddr,
        /// Its type.
        received: u8,
    },
    /// The IP header's length is not that of the advert.
    #[error("invalid ip length from {from}. {received} and expect {expected}")]
    TotalLength {
        /// The sender.
        from: IpAddr,
        /// What the IP header says.
        received: usize,
        /// Bytes, IP header included.
        expected: usize,
    },
    /// Damaged on the way.
    #[error("Invalid VRRPv{version} checksum from {from}")]
    Checksum {
        /// The sender.
        from: IpAddr,
        /// The version.
        version: u8,
    },
    /// The two sides do not agree on whether they use multicast.
    #[error("Expected {} packet but received {} packet from {from}", cast(*expected_unicast), cast(!*expected_unicast))]
    Cast {
        /// The sender.
        from: IpAddr,
        /// What we are.
        expected_unicast: bool,
    },
    /// We own the addresses, and `owner_ignore_adverts` is set.
    #[error("advert from {from} ignored: we own the addresses")]
    Owner {
        /// The sender.
        from: IpAddr,
    },
    /// `check_unicast_src`: not from a peer.
    #[error("unicast source address {from} is not a unicast peer")]
    NotAPeer {
        /// The sender.
        from: IpAddr,
    },
    /// Nearer or farther than `min_ttl` and `max_ttl` allow.
    #[error("TTL/HL {received} from unicast peer {from} is not from {min_ttl} to {max_ttl}")]
    PeerTtl {
        /// The sender.
        from: IpAddr,
        /// Its TTL.
        received: u8,
        /// The least.
        min_ttl: u8,
        /// The most.
        max_ttl: u8,
    },
}

const fn cast(unicast: bool) -> &'static str {
    if unicast { "unicast" } else { "multicast" }
}
