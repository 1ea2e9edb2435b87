//! `encap` as `RTA_ENCAP` (`include/uapi/linux/`: `lwtunnel.h`, `mpls_iptunnel.h`, `ila.h`).

use crate::config::model::{Encap, TunnelKey};
use crate::net::request::Request;

/// Attributes of a route that libc does not name.
const RTA_ENCAP_TYPE: u16 = 21;
const RTA_ENCAP: u16 = 22;

// LWTUNNEL_ENCAP_*
const MPLS: u16 = 1;
const IP: u16 = 2;
const ILA: u16 = 3;
const IP6: u16 = 4;

// LWTUNNEL_IP_* and LWTUNNEL_IP6_*: the numbers are the same.
const ID: u16 = 1;
const DST: u16 = 2;
const SRC: u16 = 3;
const TTL: u16 = 4;
const TOS: u16 = 5;

// MPLS_IPTUNNEL_*
const MPLS_DST: u16 = 1;
const MPLS_TTL: u16 = 2;

/// `ILA_ATTR_LOCATOR`
const LOCATOR: u16 = 1;

/// Bottom of stack (RFC 3032 2.1).
const BOTTOM: u32 = 1 << 8;

/// Adds what goes around the packets of a route.
pub(super) fn add(request: Request, encap: &Encap) -> Request {
    let kind = match encap {
        Encap::Ip(_) => IP,
        Encap::Ip6(_) => IP6,
        Encap::Mpls { .. } => MPLS,
        Encap::Ila(_) => ILA,
    };
    request
        .with(RTA_ENCAP_TYPE, &kind.to_ne_bytes())
        .with_nested(RTA_ENCAP, |inside| match encap {
            Encap::Ip(key) | Encap::Ip6(key) => tunnel(inside, key),
            Encap::Mpls { labels, ttl } => inside
                .with(MPLS_DST, &stack(labels))
                .with_some(MPLS_TTL, ttl.map(|ttl| [ttl])),
            Encap::Ila(locator) => inside.with(LOCATOR, &locator.to_be_bytes()),
        })
}

fn tunnel(inside: Request, key: &TunnelKey) -> Request {
    let mut inside = inside.with_some(ID, key.id.map(u64::to_be_bytes));
    for (kind, address) in [(DST, key.dst), (SRC, key.src)] {
        if let Some(address) = address {
            inside = inside.with_address(kind, address);
        }
    }
    inside
        .with_some(TOS, key.tos.map(|tos| [tos]))
        .with_some(TTL, key.ttl.map(|ttl| [ttl]))
}

/// Label stack entries: label (20 bits), traffic class, bottom of stack, TTL.
fn stack(labels: &[u32]) -> Vec<u8> {
    let last = labels.len().saturating_sub(1);
    let entry = |(place, label): (usize, &u32)| {
        let bottom = if place == last { BOTTOM } else { 0 };
        (label << 12 | bottom).to_be_bytes()
    };
    labels.iter().enumerate().flat_map(entry).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What iproute2 6.1 sends behind the destination, the header of `RTA_ENCAP` excepted.
    #[test]
    fn each_kind_is_written_as_iproute2_writes_it() {
        let body = |encap: &Encap| {
            let request = add(Request::new(0, &[]), encap);
            let (kind, nested) = request.body().split_at(8);
            assert_eq!(kind[..4], [6, 0, 21, 0]);
            assert_eq!(nested[2..4], [22, 0x80]);
            (kind[4], nested[4..].to_vec())
        };
        let key = TunnelKey {
            id: Some(5),
            dst: Some([10, 0, 0, 8].into()),
            tos: Some(16),
            ..TunnelKey::default()
        };
        #[rustfmt::skip]
        let golden = vec![
            12, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 5,
            8, 0, 2, 0, 10, 0, 0, 8,
            5, 0, 5, 0, 16, 0, 0, 0,
        ];
        assert_eq!(body(&Encap::Ip(key)), (2, golden));
        let six = TunnelKey {
            ttl: Some(9),
            ..TunnelKey::default()
        };
        assert_eq!(body(&Encap::Ip6(six)), (4, vec![5, 0, 4, 0, 9, 0, 0, 0]));
        let (labels, ttl) = (vec![100, 200], None);
        #[rustfmt::skip]
        let golden = vec![12, 0, 1, 0, 0, 6, 0x40, 0, 0, 0xc, 0x81, 0];
        assert_eq!(body(&Encap::Mpls { labels, ttl }), (1, golden));
        let golden = vec![12, 0, 1, 0, 0, 1, 0, 2, 0, 3, 0, 4];
        assert_eq!(body(&Encap::Ila(0x0001_0002_0003_0004)), (3, golden));
    }
}
