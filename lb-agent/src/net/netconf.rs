//! Settings of interfaces that the kernel tells over rtnetlink (`RTM_GETNETCONF`,
//! include/uapi/linux/netconf.h), for who must not read `/proc/sys`.

use nix::libc::{AF_INET6, RTM_GETNETCONF};

use super::attribute::{self, attributes};
use super::netlink::{Connection, NetlinkError};
use super::request::Request;

const NETCONFA_IFINDEX: u16 = 1;
const NETCONFA_FORWARDING: u16 = 2;

/// Whether an interface forwards IPv6 (`net.ipv6.conf.….forwarding`).
pub fn forwards_ipv6(connection: &mut Connection, index: u32) -> Result<bool, NetlinkError> {
    // struct netconfmsg: the family, padded.
    let family = u8::try_from(AF_INET6).unwrap_or_default();
    let request = Request::new(RTM_GETNETCONF, &[family, 0, 0, 0])
        .with(NETCONFA_IFINDEX, &index.to_ne_bytes());
    let what = format_args!("look up whether interface number {index} forwards IPv6");
    connection.query(request, &what, |_, payload| decode(payload))
}

fn decode(payload: &[u8]) -> Option<bool> {
    let (_family, rest) = payload.split_at_checked(4)?;
    let mut found = attributes(rest).filter(|(kind, _)| *kind == NETCONFA_FORWARDING);
    let (_, value) = found.next()?;
    Some(attribute::u32(value)? != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forwarding_is_found_among_other_attributes() {
        let answer = |value: u32| {
            Request::new(80, &[10, 0, 0, 0])
                .with(NETCONFA_IFINDEX, &7u32.to_ne_bytes())
                .with(NETCONFA_FORWARDING, &value.to_ne_bytes())
        };
        assert_eq!(decode(answer(0).body()), Some(false));
        assert_eq!(decode(answer(1).body()), Some(true));
        assert_eq!(decode(&[10, 0, 0, 0]), None);
        assert_eq!(decode(&[10]), None);
    }
}
