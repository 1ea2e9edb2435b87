//! Many addresses and ports as few lines, as a `virtual_server_group` is written. Pure.

use std::collections::BTreeMap;
use std::net::IpAddr;

/// Addresses one after another, each with the same ports one after another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Range {
    /// The first address.
    pub first: IpAddr,
    /// The last one.
    pub last: IpAddr,
    /// The first port.
    pub first_port: u16,
    /// The last one.
    pub last_port: u16,
    /// The gate of all of them.
    pub gate: u16,
}

/// The ranges of addresses and ports, each with its gate, in order.
pub fn ranges(served: impl IntoIterator<Item = (IpAddr, u16, u16)>) -> Vec<Range> {
    let mut all: Vec<_> = served.into_iter().collect();
    all.sort_unstable();
    // The addresses that have the same ports, in order.
    let mut alike: BTreeMap<(u16, u16, u16), Vec<IpAddr>> = BTreeMap::new();
    let next = |one: &(IpAddr, u16, u16), other: &(IpAddr, u16, u16)| {
        one.0 == other.0 && one.2 == other.2 && one.1.checked_add(1) == Some(other.1)
    };
    for ports in all.chunk_by(next) {
        if let (Some(first), Some(last)) = (ports.first(), ports.last()) {
            let ports = (first.1, last.1, first.2);
            alike.entry(ports).or_default().push(first.0);
        }
    }
    let mut ranges = Vec::new();
    for ((first_port, last_port, gate), addresses) in alike {
        let runs = addresses.chunk_by(|one, other| successor(*one) == Some(*other));
        let ends = runs.filter_map(|run| Some((*run.first()?, *run.last()?)));
        ranges.extend(ends.map(|(first, last)| Range {
            first,
            last,
            first_port,
            last_port,
            gate,
        }));
    }
    ranges.sort_unstable();
    ranges
}

/// The next address of the same family.
fn successor(address: IpAddr) -> Option<IpAddr> {
    Some(match address {
        IpAddr::V4(address) => IpAddr::V4(address.to_bits().checked_add(1)?.into()),
        IpAddr::V6(address) => IpAddr::V6(address.to_bits().checked_add(1)?.into()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn range(first: &str, last: &str, ports: (u16, u16), gate: u16) -> Range {
        Range {
            first: first.parse().unwrap(),
            last: last.parse().unwrap(),
            first_port: ports.0,
            last_port: ports.1,
            gate,
        }
    }

    #[test]
    fn addresses_with_the_same_ports_and_the_same_gate_are_one_range() {
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let mut served = Vec::new();
        for last in [3, 1, 2, 9] {
            let address = IpAddr::from([192, 0, 2, last]);
            served.extend([(address, 80, 1), (address, 443, 1), (address, 81, 1)]);
        }
        served.push((address("192.0.2.4"), 443, 2));
        served.push((address("2001:db8::ffff"), 0, 0));
        served.push((address("2001:db8::1:0"), 0, 0));
        assert_eq!(
            ranges(served),
            [
                range("192.0.2.1", "192.0.2.3", (80, 81), 1),
                range("192.0.2.1", "192.0.2.3", (443, 443), 1),
                range("192.0.2.4", "192.0.2.4", (443, 443), 2),
                range("192.0.2.9", "192.0.2.9", (80, 81), 1),
                range("192.0.2.9", "192.0.2.9", (443, 443), 1),
                range("2001:db8::ffff", "2001:db8::1:0", (0, 0), 0),
            ]
        );
    }

    #[test]
    fn the_last_address_and_the_last_port_have_no_successor() {
        let last = IpAddr::from([255; 4]);
        let served = [(last, u16::MAX, 0), (IpAddr::from([0; 4]), 0, 0)];
        assert_eq!(ranges(served).len(), 2);
    }
}
