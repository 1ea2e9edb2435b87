//! What has become of a packet, in words: the lines of `lb-agent trace`. Pure.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use lb_common::address6::{Address6, address};
use lb_common::flow::tcp;
use lb_common::service::{SCTP, TCP, UDP};
use lb_common::stats::Reason;
use lb_common::trace::{Event, NO_REASON, Tuple, decision};
use serde::{Serialize, Serializer};

use super::model::{BackendView, Mac, Method};

/// `IPPROTO_ICMP`, `IPPROTO_IPIP`, `IPPROTO_ICMPV6`.
const ICMP: u8 = 1;
const IPIP: u8 = 4;
const ICMP6: u8 = 58;

/// The flags of TCP as tcpdump writes them.
const FLAGS: [(u8, char); 6] = [
    (tcp::SYN, 'S'),
    (tcp::FIN, 'F'),
    (tcp::RST, 'R'),
    (0x08, 'P'),
    (tcp::ACK, '.'),
    (0x20, 'U'),
];

/// One packet.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TraceView {
    /// When it came; RFC 3339 for programs.
    #[serde(serialize_with = "as_text")]
    pub time: Timestamp,
    /// The interface it came by.
    pub interface: String,
    /// `tcp`, `udp`, `sctp`, `icmp`, `icmp6`, `ipip`, or the number; `None`: it is no IP.
    pub protocol: Option<String>,
    /// Its source, as it came; with a port if it has one.
    pub source: Option<String>,
    /// Its destination, likewise.
    pub destination: Option<String>,
    /// TCP flags as tcpdump has them: `S`, `.`, `P.`, `F.`, `R`.
    pub flags: Option<String>,
    /// Length of the frame, bytes.
    pub length: u32,
    /// What became of it.
    pub verdict: Verdict,
    /// How its server was found; `None`: none was looked for.
    pub decision: Option<String>,
    /// Why it was not forwarded as usual: a name of `dump drops`.
    pub reason: Option<&'static str>,
    /// The same in words.
    pub meaning: Option<&'static str>,
    /// Its server.
    pub server: Option<ServerView>,
    /// As it went, if that is something else than how it came: source and destination.
    pub sent: Option<[String; 2]>,
    /// Packets that this CPU has not told of since the last one, for there were too many.
    pub omitted: u32,
}

/// The server of a packet, as it is now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ServerView {
    /// Address and port.
    pub endpoint: String,
    /// How packets get there.
    pub method: Method,
    /// The next hop; `None`: it is not known.
    pub mac: Option<Mac>,
    /// The interface towards it.
    pub interface: Option<String>,
}

/// What became of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was sent on.
    Sent,
    /// The kernel has it.
    Passed,
    /// It was dropped.
    Dropped,
}

/// What is known besides of where a packet came by and of its server.
#[derive(Clone, Copy, Debug)]
pub struct Surroundings<'a> {
    /// Nanoseconds since 1970, minus those of the monotonic clock.
    pub epoch: i128,
    /// Name of the interface.
    pub interface: Option<&'a str>,
    /// The server's slot.
    pub server: Option<&'a BackendView>,
    /// Its service's scheduler.
    pub scheduler: Option<&'a str>,
}

impl TraceView {
    /// Of what the program has told.
    pub fn of(event: &Event, surroundings: Surroundings<'_>) -> Self {
        let before = &event.before;
        let known = before.version != 0;
        let reason = reason(event.reason);
        let at = surroundings.epoch + i128::from(event.time);
        let sent = [before, &event.after].map(|it| (it.source, it.destination, ports(it)));
        let is_other = event.after.version != 0 && sent[0] != sent[1];
        Self {
            time: Timestamp::from_nanosecond(at).unwrap_or(Timestamp::UNIX_EPOCH),
            interface: surroundings
                .interface
                .map_or_else(|| format!("number {}", event.ifindex), str::to_owned),
            protocol: known.then(|| protocol(before.protocol)),
            source: known.then(|| end(before, before.source, before.source_port)),
            destination: known.then(|| end(before, before.destination, before.destination_port)),
            flags: (known && before.protocol == TCP && before.fragment == 0)
                .then(|| flags(before.flags)),
            length: event.length,
            verdict: Verdict::of(event.verdict),
            decision: found(event.decision, surroundings.scheduler),
            reason: reason.map(Reason::name),
            meaning: reason.map(Reason::meaning),
            server: surroundings.server.map(ServerView::of),
            sent: is_other.then(|| {
                let after = &event.after;
                [
                    end(after, after.source, after.source_port),
                    end(after, after.destination, after.destination_port),
                ]
            }),
            omitted: event.omitted,
        }
    }

    /// What stands above the lines.
    pub const HEADINGS: &'static str = "TIME             IN          PACKET";

    /// The packet in one line.
    pub fn line(&self, zone: &TimeZone) -> String {
        let time = self
            .time
            .to_zoned_datetime(zone.clone())
            .strftime("%H:%M:%S%.6f");
        let packet = match (&self.protocol, &self.source, &self.destination) {
            (Some(protocol), Some(source), Some(destination)) => {
                format!("{protocol} {source} > {destination}")
            }
            _ => format!("no IP packet, {} bytes", self.length),
        };
        let flags = self.flags.as_ref();
        let flags = flags.map_or_else(String::new, |flags| format!(" [{flags}]"));
        let omitted = match self.omitted {
            0 => String::new(),
            omitted => format!(" ({omitted} more before it are not shown)"),
        };
        let interface = &self.interface;
        format!("{time}  {interface:<10}  {packet}{flags}: {self}{omitted}")
    }
}

/// What became of it.
impl fmt::Display for TraceView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(decision) = &self.decision {
            write!(f, "{decision}")?;
            if let Some(server) = &self.server {
                write!(f, " > {server}")?;
            }
            f.write_str("; ")?;
        }
        match (self.reason, self.meaning, self.verdict) {
            (Some(reason), Some(meaning), _) => write!(f, "{meaning} ({reason})"),
            (_, _, Verdict::Passed) => f.write_str("to the kernel: it is no packet of ours"),
            (_, _, Verdict::Dropped) => f.write_str("dropped"),
            (_, _, Verdict::Sent) => match &self.sent {
                Some([source, destination]) => write!(f, "sent as {source} > {destination}"),
                None => f.write_str("sent"),
            },
        }
    }
}

impl fmt::Display for ServerView {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.endpoint, self.method.name())?;
        match (&self.mac, &self.interface) {
            (Some(mac), Some(interface)) => write!(f, " by {mac} on {interface}"),
            (Some(mac), None) => write!(f, " by {mac}"),
            (None, _) => Ok(()),
        }
    }
}

impl ServerView {
    fn of(backend: &BackendView) -> Self {
        Self {
            endpoint: SocketAddr::new(backend.real.address, backend.real.port).to_string(),
            method: backend.method,
            mac: backend.mac,
            interface: backend.interface.clone(),
        }
    }
}

impl Verdict {
    /// Of one of XDP's.
    const fn of(verdict: u8) -> Self {
        match verdict {
            2 => Self::Passed,
            3 | 4 => Self::Sent,
            _ => Self::Dropped,
        }
    }
}

fn reason(index: u8) -> Option<Reason> {
    if index == NO_REASON {
        return None;
    }
    Reason::ALL.get(usize::from(index)).copied()
}

/// How a server was found.
fn found(how: u8, scheduler: Option<&str>) -> Option<String> {
    let by = scheduler.unwrap_or("its scheduler");
    Some(match how {
        decision::FLOW => "known flow".to_owned(),
        decision::SCHEDULED => format!("new, by {by}"),
        decision::TEMPLATE => "new, by the client's persistence template".to_owned(),
        decision::UNREMEMBERED => format!("new and not remembered, by {by}"),
        decision::UNKNOWN => "unknown connection, by hash".to_owned(),
        _ => return None,
    })
}

fn ports(tuple: &Tuple) -> [u16; 2] {
    [tuple.source_port, tuple.destination_port]
}

/// An address of the packet, with the port if there is one.
fn end(tuple: &Tuple, words: Address6, port: u16) -> String {
    let address = unmapped(words);
    match tuple.protocol {
        TCP | UDP | SCTP if tuple.fragment == 0 => {
            SocketAddr::new(address, u16::from_be(port)).to_string()
        }
        _ => address.to_string(),
    }
}

fn unmapped(words: Address6) -> IpAddr {
    IpAddr::V6(address(words)).to_canonical()
}

fn protocol(number: u8) -> String {
    match number {
        TCP => "tcp".to_owned(),
        UDP => "udp".to_owned(),
        SCTP => "sctp".to_owned(),
        ICMP => "icmp".to_owned(),
        ICMP6 => "icmp6".to_owned(),
        IPIP => "ipip".to_owned(),
        other => format!("protocol {other}"),
    }
}

fn as_text<S: Serializer>(time: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(time)
}

fn flags(flags: u8) -> String {
    let set = FLAGS.iter().filter(|(bit, _)| flags & bit != 0);
    let text: String = set.map(|(_, letter)| letter).collect();
    if text.is_empty() {
        "none".to_owned()
    } else {
        text
    }
}

#[cfg(test)]
mod tests;
