//! Tunnels of every type from either family to either, beside the model's view of them: what fits goes
//! out as the documents have it, what does not is answered in the client's family.

use std::net::{IpAddr, Ipv6Addr};

use anyhow::{Context as _, Result, ensure};
use lb_agent::config::model::Forwarding::{Dr, Tun};
use lb_agent::config::model::{Tunnel, TunnelChecksum};
use lb_agent::dataplane::desired::{Path, Server, Service};
use lb_agent::dataplane::installed::Key;
use lb_agent::dataplane::nexthop::Hop;
use lb_common::stats::Reason;

use crate::fixture::{ACK, SYN, desired, in_director, packet, server, service};
use crate::frame::{ETHERNET, Segment, TCP, UDP, checksum, v4};
use crate::model::tunnel::{overhead, tunnelled};
use crate::model::{DROP, PASS, REDIRECT, TX};
use crate::network::Network;
use crate::random::Random;
use crate::rig::Rig;
use crate::six::frame::{DESTINATION_OPTIONS, Extension, HEADER, frame, pseudo_checksum};
use crate::six::image;
use crate::variable;

/// Where the servers of IPv6 are, and our end of the tunnels to them.
const SERVER: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xff, 0, 0, 0, 0, 0x11);
const OURS: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xff, 0, 0, 0, 0, 1);

/// The key of the hash.
const SECRET: u64 = 0x0123_4567_89ab_cdef;

/// Frames of one run.
const PACKETS: usize = 20_000;

const TUNNELS: [Tunnel; 6] = [
    Tunnel::Ipip,
    Tunnel::Gre {
        checksum: TunnelChecksum::None,
    },
    Tunnel::Gre {
        checksum: TunnelChecksum::Full,
    },
    Tunnel::Gue {
        port: 6080,
        checksum: TunnelChecksum::None,
    },
    Tunnel::Gue {
        port: 6080,
        checksum: TunnelChecksum::Full,
    },
    Tunnel::Gue {
        port: 6081,
        checksum: TunnelChecksum::Remote,
    },
];

/// A service that is one of IPv4, as packets of it are built, and how it is configured.
struct Case {
    ours: Service,
    configured: Service,
}

impl Case {
    /// A service on `port` of either family, with one server of either, behind a link of `mtu` bytes.
    fn new(network: &Network, port: u16, protocol: u8, families: (bool, bool), mtu: u32) -> Self {
        let (is_ipv6, to_ipv6) = families;
        let mut server = server(network, 11, port, Tun);
        if let Path::Via(hop) = &mut server.path {
            hop.mtu = mtu;
            if to_ipv6 {
                hop.source = Some(OURS.into());
            }
        }
        if to_ipv6 {
            server.address = SERVER.into();
        }
        let ours = service(20, port, protocol, vec![server]);
        let address = v4(ours.key.address);
        let configured = Service {
            key: Key {
                address: if is_ipv6 {
                    IpAddr::V6(image(address))
                } else {
                    address.into()
                },
                ..ours.key
            },
            ..ours.clone()
        };
        Self { ours, configured }
    }

    /// The same by another tunnel.
    fn by(mut self, tunnel: Tunnel) -> Self {
        for server in &mut self.configured.servers {
            server.tunnel = tunnel;
        }
        self
    }

    fn is_ipv6(&self) -> bool {
        self.configured.key.address.is_ipv6()
    }

    fn server(&self) -> &Server {
        &self.configured.servers[0]
    }

    fn hop(&self) -> Result<Hop> {
        match self.server().path {
            Path::Via(hop) => Ok(hop),
            path => anyhow::bail!("{path:?}"),
        }
    }

    fn room(&self) -> Result<usize> {
        Ok((self.hop()?.mtu - overhead(self.server())) as usize)
    }

    /// A segment as a frame of the service's family.
    fn frame(&self, segment: &Segment, extensions: &[Extension]) -> Vec<u8> {
        if self.is_ipv6() {
            frame(segment, extensions)
        } else {
            segment.frame()
        }
    }
}

/// Every tunnel from either family to either, each on a port of its own.
fn cases(network: &Network, mtu: u32) -> Vec<Case> {
    let families = [(false, false), (false, true), (true, false), (true, true)];
    let all = families
        .into_iter()
        .flat_map(|families| [TCP, UDP].map(|protocol| (families, protocol)))
        .flat_map(|(families, protocol)| TUNNELS.map(|tunnel| (families, protocol, tunnel)));
    (1000..)
        .zip(all)
        .map(|(port, (families, protocol, tunnel))| {
            Case::new(network, port, protocol, families, mtu).by(tunnel)
        })
        .collect()
}

/// What the frame has become, if it was not answered, is what the model makes of it. An identification
/// that is nobody's is taken over.
fn check_tunnelled(case: &Case, sent: &[u8], found: &[u8]) -> Result<()> {
    let mut expected = tunnelled(sent, case.server(), &case.hop()?, SECRET);
    let is_any = case.is_ipv6()
        && case.server().address.is_ipv4()
        && found.get(ETHERNET + 6).is_some_and(|it| it & 0x40 == 0);
    if is_any {
        let id = [found[ETHERNET + 4], found[ETHERNET + 5]];
        ensure!(id != [0, 0], "no identification");
        let header = &mut expected[ETHERNET..ETHERNET + 20];
        header[4..6].copy_from_slice(&id);
        header[10..12].fill(0);
        let check = checksum(header);
        header[10..12].copy_from_slice(&check.to_be_bytes());
    }
    ensure!(
        found == expected,
        "expected {}\nfound    {}",
        crate::trial::hex(&expected),
        crate::trial::hex(found)
    );
    Ok(())
}

/// The answer is an ICMP error of the client's family, sound, with this type and this size.
fn check_answer(case: &Case, sent: &[u8], found: &[u8], kind: [u8; 2], size: usize) -> Result<()> {
    let ip = &found[ETHERNET..];
    ensure!(
        found[..12] == [&sent[6..12], &sent[..6]].concat(),
        "to whom?"
    );
    let icmp = if case.is_ipv6() {
        let address = |at: usize| -> Result<Ipv6Addr> {
            let octets: [u8; 16] = ip[at..at + 16].try_into()?;
            Ok(octets.into())
        };
        let check = pseudo_checksum(address(8)?, address(24)?, 58, &ip[HEADER..]);
        ensure!(ip[6] == 58 && check == 0, "a wrong checksum");
        ensure!(ip[8..24] == sent[ETHERNET + 24..][..16]);
        &ip[HEADER..]
    } else {
        ensure!(ip[9] == 1 && checksum(&ip[..20]) == 0 && checksum(&ip[20..]) == 0);
        ensure!(ip[12..16] == sent[ETHERNET + 16..][..4]);
        &ip[20..]
    };
    ensure!(icmp[..2] == kind, "{:?}", &icmp[..2]);
    ensure!(icmp[4..8] == (size as u32).to_be_bytes(), "not {size}");
    let quoted = &icmp[8..];
    ensure!(
        sent[ETHERNET..].starts_with(quoted) && quoted.len() >= 28,
        "it quotes something else"
    );
    Ok(())
}

/// What the packet of a frame must become, and whether it did.
fn check(rig: &mut Rig, network: &Network, case: &Case, sent: &[u8]) -> Result<()> {
    let ip = &sent[ETHERNET..];
    let (length, ttl, may_be_taken_apart) = if case.is_ipv6() {
        let length = HEADER + usize::from(u16::from_be_bytes([ip[4], ip[5]]));
        (length, ip[7], length <= 1280)
    } else {
        let length = usize::from(u16::from_be_bytes([ip[2], ip[3]]));
        (length, ip[8], ip[6] & 0x40 == 0)
    };
    let room = case.room()?;
    let before = rig.maps.reason(Reason::CannotFragment)?;
    let found = rig.send(sent, network.front.index)?;
    let (exceeded, too_big) = if case.is_ipv6() {
        ([3, 0], [2, 0])
    } else {
        ([11, 0], [3, 4])
    };
    if ttl <= 1 {
        ensure!(found.verdict == TX, "{}", found.verdict);
        return check_answer(case, sent, &found.frame, exceeded, 0);
    }
    if length <= room {
        ensure!(found.verdict == REDIRECT, "{}", found.verdict);
        return check_tunnelled(case, sent, &found.frame);
    }
    if may_be_taken_apart {
        ensure!((found.verdict, &found.frame[..]) == (DROP, sent));
        let counted = rig.maps.reason(Reason::CannotFragment)? - before;
        ensure!(counted == 1, "{counted} counted");
        return Ok(());
    }
    ensure!(found.verdict == TX, "{}", found.verdict);
    // Nobody would believe less (RFC 8201 4).
    let size = if case.is_ipv6() { room.max(1280) } else { room };
    check_answer(case, sent, &found.frame, too_big, size)
}

/// A packet of a client, with a length that often is just what fits.
fn any_frame(case: &Case, random: &mut Random) -> Result<Vec<u8>> {
    let headers = if case.is_ipv6() { 40 } else { 20 };
    let transport = if case.ours.key.proto == TCP { 20 } else { 8 };
    let least = case.room()?.min(1400) - headers - transport;
    let payload = match random.below(4) {
        0 => least + random.below(3) - 1,
        1 => 1280 - headers - transport + random.below(3) - 1,
        2 => random.below(64),
        _ => random.below(1450),
    };
    let segment = Segment {
        tos: random.byte(),
        ttl: random.pick(&[0, 1, 2, 64, 64, 64, 255]),
        fragment: random.pick(&[0x4000, 0x4000, 0, 0x2000]),
        options: vec![1; random.pick(&[0, 0, 0, 4, 40])],
        payload: random.bytes(payload),
        ..packet(
            random.pick(&[1, 2, 3, 4]),
            &case.ours,
            random.pick(&[SYN, ACK]),
        )
    };
    let extensions = if random.chance(20) {
        vec![Extension::harmless(DESTINATION_OPTIONS, 1)]
    } else {
        Vec::new()
    };
    let mut frame = case.frame(&segment, &extensions);
    let at = ETHERNET + headers + 6;
    if case.ours.key.proto == UDP && segment.options.is_empty() && extensions.is_empty() {
        match random.below(8) {
            // No checksum, and one that covers less than the packet.
            0 => frame[at..at + 2].fill(0),
            1 if payload > 0 => frame[at - 1] = frame[at - 1].wrapping_sub(1),
            _ => {}
        }
    }
    if random.chance(10) {
        frame.extend(vec![0xee; random.below(20)]);
    }
    Ok(frame)
}

#[test]
fn any_packet_in_any_tunnel_looks_as_the_documents_have_it() -> Result<()> {
    let seed = variable("LB_MODEL_SEED")?.unwrap_or_else(|| Random::from_anywhere().number());
    let packets = variable("LB_MODEL_PACKETS")?.map_or(PACKETS, |number| number as usize);
    println!("LB_MODEL_SEED={seed:#x} replays this run");
    in_director(|network, rig| {
        let mut random = Random::new(seed);
        rig.set_control(SECRET, 0, &lb_common::flow::state::TIMEOUTS);
        for mtu in [1500, 1400, 1332, 1300, 1280] {
            let cases = cases(network, mtu);
            let services: Vec<_> = cases.iter().map(|case| &case.configured).collect();
            rig.configure(&desired(&services))?;
            for number in 0..packets / 5 {
                let case = &cases[random.below(cases.len())];
                let sent = any_frame(case, &mut random)?;
                let place = || {
                    format!(
                        "LB_MODEL_SEED={seed:#x}, mtu {mtu}, packet {number} to {:?} {:?}",
                        case.configured.key,
                        case.server()
                    )
                };
                check(rig, network, case, &sent).with_context(place)?;
            }
        }
        Ok(())
    })
}

/// The frames of a packet in two pieces, with an identification of its own.
fn in_pieces(case: &Case, number: u8) -> [Vec<u8>; 2] {
    let whole = Segment {
        payload: vec![5; 40],
        ..packet(7, &case.ours, ACK)
    };
    if case.is_ipv6() {
        return [(0, true), (2, false)].map(|(offset, more)| {
            case.frame(&whole, &[Extension::fragment(offset, more, number.into())])
        });
    }
    [0x2000, 0x0002].map(|fragment| {
        let piece = Segment {
            fragment,
            ..whole.clone()
        };
        let mut frame = piece.frame();
        let header = &mut frame[ETHERNET..ETHERNET + 20];
        header[4] = number;
        header[10..12].fill(0);
        let check = checksum(header);
        header[10..12].copy_from_slice(&check.to_be_bytes());
        frame
    })
}

#[test]
fn a_fragment_follows_the_first_one_into_the_tunnel() -> Result<()> {
    in_director(|network, rig| {
        rig.set_control(SECRET, 0, &lb_common::flow::state::TIMEOUTS);
        let cases = cases(network, 1500);
        let services: Vec<_> = cases.iter().map(|case| &case.configured).collect();
        rig.configure(&desired(&services))?;
        for (number, case) in (1..).zip(&cases) {
            let [first, later] = in_pieces(case, number);
            let place = || format!("{:?} {:?}", case.configured.key, case.server());
            // Alone it is nobody's.
            let alone = rig.send(&later, network.front.index)?;
            ensure!(alone.verdict == PASS, "{}", place());
            for sent in [&first, &later] {
                check(rig, network, case, sent).with_context(place)?;
            }
        }
        Ok(())
    })
}

#[test]
fn later_fragments_in_a_tunnel_do_not_keep_the_first_one_in_memory() -> Result<()> {
    in_director(|network, rig| {
        rig.set_control(SECRET, 0, &lb_common::flow::state::TIMEOUTS);
        let cases = cases(network, 1500);
        let services: Vec<_> = cases.iter().map(|case| &case.configured).collect();
        rig.configure(&desired(&services))?;
        let pieces: Vec<_> = (1..)
            .zip(&cases)
            .map(|(number, case)| in_pieces(case, number))
            .collect();
        let mut send = |which: usize, verdict: u32| -> Result<()> {
            for (case, pieces) in cases.iter().zip(&pieces) {
                let found = rig.send(&pieces[which], network.front.index)?;
                let place = || format!("{:?} {:?}", case.configured.key, case.server());
                ensure!(found.verdict == verdict, "{} {}", found.verdict, place());
            }
            // Thirty seconds at 250 Hz are 29 ticks.
            rig.age(std::iter::empty(), 20)
        };
        send(0, REDIRECT)?;
        send(1, REDIRECT)?;
        send(1, PASS)
    })
}

#[test]
fn an_error_about_a_packet_of_a_server_goes_through_the_tunnel_and_is_never_answered() -> Result<()>
{
    in_director(|network, rig| {
        rig.set_control(SECRET, 0, &lb_common::flow::state::TIMEOUTS);
        let cases = cases(network, 1500);
        let services: Vec<_> = cases.iter().map(|case| &case.configured).collect();
        rig.configure(&desired(&services))?;
        for case in &cases {
            let place = || format!("{:?} {:?}", case.configured.key, case.server());
            let asked = packet(9, &case.ours, SYN);
            check(rig, network, case, &case.frame(&asked, &[])).with_context(place)?;
            let answer = Segment {
                source: asked.destination,
                destination: asked.source,
                payload: vec![3; 400],
                ..asked
            };
            let quoted = case.frame(&answer, &[]).split_off(ETHERNET);
            let error = error(case, &quoted, 60);
            let found = rig.send(&error, network.front.index)?;
            ensure!(found.verdict == REDIRECT, "{}", place());
            check_tunnelled(case, &error, &found.frame).with_context(place)?;
            // Without a hop left.
            let error = self::error(case, &quoted, 1);
            let found = rig.send(&error, network.front.index)?;
            ensure!((found.verdict, found.frame) == (PASS, error), "{}", place());
        }
        let counted = rig.maps.reason(Reason::TimeToLive)?;
        ensure!(counted == cases.len() as u64, "{counted}");
        Ok(())
    })
}

/// A router's error to the service about a packet that it has sent.
fn error(case: &Case, quoted: &[u8], hops: u8) -> Vec<u8> {
    let router = Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 1);
    if case.is_ipv6() {
        let to = image(v4(case.ours.key.address));
        let mut message = [&[2, 0, 0, 0][..], &1300_u32.to_be_bytes(), quoted].concat();
        let check = pseudo_checksum(router, to, 58, &message);
        message[2..4].copy_from_slice(&check.to_be_bytes());
        let mut frame = crate::frame::ethernet(0x86dd);
        frame.extend([0x60, 0, 0, 0]);
        frame.extend((message.len() as u16).to_be_bytes());
        frame.extend([58, hops]);
        frame.extend(router.octets());
        frame.extend(to.octets());
        return [frame, message].concat();
    }
    let mut message = [&[3, 4, 0, 0, 0, 0, 5, 20][..], quoted].concat();
    let check = checksum(&message);
    message[2..4].copy_from_slice(&check.to_be_bytes());
    let mut header = vec![0x45, 0];
    header.extend((20 + message.len() as u16).to_be_bytes());
    header.extend([0, 0, 0x40, 0, hops, 1, 0, 0, 192, 0, 2, 254]);
    header.extend(v4(case.ours.key.address).octets());
    let check = checksum(&header);
    header[10..12].copy_from_slice(&check.to_be_bytes());
    [crate::frame::ethernet(0x0800), header, message].concat()
}

#[test]
fn a_tunnel_without_an_end_of_its_own_family_is_not_used() -> Result<()> {
    in_director(|network, rig| {
        for families in [(false, true), (true, false), (true, true)] {
            let mut case = Case::new(network, 80, TCP, families, 1500);
            for server in &mut case.configured.servers {
                if let Path::Via(hop) = &mut server.path {
                    hop.source = None;
                }
            }
            rig.configure(&desired(&[&case.configured]))?;
            let sent = case.frame(&packet(1, &case.ours, SYN), &[]);
            let found = rig.send(&sent, network.front.index)?;
            ensure!(
                (found.verdict, &found.frame) == (DROP, &sent),
                "{families:?}"
            );
        }
        ensure!(rig.maps.reason(Reason::NoNeighbour)? == 3);
        Ok(())
    })
}

#[test]
fn packets_in_tunnels_are_counted_and_a_server_of_this_host_has_them_from_the_kernel() -> Result<()>
{
    in_director(|network, rig| {
        for families in [(false, true), (true, false), (true, true)] {
            let case = Case::new(network, 80, TCP, families, 1500);
            rig.configure(&desired(&[&case.configured]))?;
            for flags in [SYN, ACK, ACK] {
                let sent = case.frame(&packet(1, &case.ours, flags), &[]);
                ensure!(rig.send(&sent, network.front.index)?.verdict == REDIRECT);
            }
            let (slot, backend) = rig.maps.backends().next().context("no server")?;
            ensure!(backend.server() == case.server().address);
            ensure!(backend.service_address() == case.configured.key.address);
            let traffic = rig.maps.traffic(slot)?;
            ensure!((traffic.conns, traffic.in_packets) == (1, 3), "{traffic:?}");
            let length = if case.is_ipv6() { 60 } else { 40 };
            ensure!(traffic.in_bytes == 3 * length, "{traffic:?}");
            let mut local = case.configured.clone();
            for server in &mut local.servers {
                server.path = Path::Local;
            }
            rig.configure(&desired(&[&local]))?;
            let sent = case.frame(&packet(1, &case.ours, ACK), &[]);
            let found = rig.send(&sent, network.front.index)?;
            ensure!((found.verdict, found.frame) == (PASS, sent));
            ensure!(rig.maps.traffic(slot)?.in_packets == 4);
            rig.configure(&desired(&[]))?;
        }
        // In DR mode the families do not meet.
        let mut case = Case::new(network, 80, TCP, (true, true), 1500);
        case.configured.servers[0].method = Dr;
        rig.configure(&desired(&[&case.configured]))?;
        let sent = case.frame(&packet(1, &case.ours, SYN), &[]);
        let found = rig.send(&sent, network.front.index)?;
        ensure!(found.verdict == REDIRECT && found.frame.len() == sent.len());
        Ok(())
    })
}
