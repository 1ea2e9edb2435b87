//! Counters: per server on the hot path, per reason off it.

use bytemuck::{Pod, Zeroable};

/// Traffic of one backend slot (`BACKEND_STATS`, per CPU) or what removed servers of a service
/// have carried (`RETIRED_STATS`). A service's figures are the sum of its slots and this.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Traffic {
    /// Connections given to the server.
    pub conns: u64,
    /// Packets towards the server.
    pub in_packets: u64,
    /// Their bytes, from the IP header on.
    pub in_bytes: u64,
    /// Packets back (NAT only).
    pub out_packets: u64,
    /// Their bytes.
    pub out_bytes: u64,
}

impl Traffic {
    /// Adds `other` to `self`.
    pub const fn add(&mut self, other: &Self) {
        self.conns = self.conns.wrapping_add(other.conns);
        self.in_packets = self.in_packets.wrapping_add(other.in_packets);
        self.in_bytes = self.in_bytes.wrapping_add(other.in_bytes);
        self.out_packets = self.out_packets.wrapping_add(other.out_packets);
        self.out_bytes = self.out_bytes.wrapping_add(other.out_bytes);
    }
}

/// Why a packet of a service was not forwarded as usual; the index into `REASONS`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u32)]
pub enum Reason {
    /// Passed: the instance of the address is not MASTER.
    NotMaster,
    /// Passed: the agent has been silent for `xdp_deadman` seconds.
    AgentSilent,
    /// Passed: no server with weight is left.
    NoServer,
    /// Dropped: the way to the server is not known. The kernel would refuse the packet, and with it
    /// end a connection that goes on as soon as the way is known again.
    NoNeighbour,
    /// Passed: the server is this host.
    LocalServer,
    /// Passed: a fragment of a packet whose first fragment has not come this way.
    Fragment,
    /// Passed: the time to live has run out, and it is no packet of a client to a server, or one
    /// whose sender's address is none that an answer may go to. IPv4 only: of IPv6 such a sender is
    /// [`Self::BadSource`].
    TimeToLive,
    /// Answered: the time to live (the hop limit) of a client's packet has run out, and the client
    /// has been told so by ICMP.
    TimeExceeded,
    /// Answered: the packet does not fit the path to the server, and its sender has been told so
    /// by ICMP.
    TooBig,
    /// Dropped: the packet does not fit the path and might be taken apart, which we do not do, or
    /// nobody may be told: it is an ICMP error, its sender's address is none that an answer may
    /// go to, or it is one of IPv6 that is no larger than what every link carries.
    CannotFragment,
    /// Dropped: the packet should have been answered, and this CPU has done that often enough lately
    /// for its service.
    AnswerLimit,
    /// Passed: the reply does not fit the path to the client; the kernel tells the server.
    ReplyTooBig,
    /// Dropped: the flow table has no room for a new connection in NAT mode, without which the
    /// replies could not be translated.
    NoRoom,
    /// Passed: the middle of a connection in NAT mode that is not known. The kernel resets it.
    NoFlow,
    /// Handed to the agent: a reply in NAT mode whose next hop has not told its MAC yet. The
    /// kernel asks for it and sends the reply.
    Unresolved,
    /// Dropped: the first fragment of a packet of SCTP that is to get another port in NAT mode. Its
    /// checksum covers what the other fragments hold, too.
    SctpFragment,
    /// Dropped: there is no way back to the client of a NAT flow, or its next hop is not known
    /// and no agent is there to ask, or has been asked often enough lately.
    NoWayBack,
    /// Passed: every server has as many connections as its `uthreshold` allows, or the one that
    /// the hash of `sh`, `dh` or `mh` stands for takes no new ones.
    Full,
    /// Dropped: there have been as many new flows as `xdp_new_flow_limit` allows.
    NewFlowLimit,
    /// Dropped: the client has as many flows as `xdp_source_limit` allows.
    SourceLimit,
    /// Passed: nobody who sends from such an address could be answered. Of IPv4 the kernel drops it.
    BadSource,
    /// Passed: the frame is for somebody else's Ethernet address: the card is in promiscuous mode, or
    /// a switch floods.
    OtherHost,
    /// Dropped: the interface by which the packet should leave has just gone.
    NoEgress,
    /// Passed: the lengths in the headers contradict each other, or the driver has left no room in
    /// front of the frame.
    Malformed,
}

impl Reason {
    /// Every reason, in the order of the index.
    pub const ALL: [Self; 24] = [
        Self::NotMaster,
        Self::AgentSilent,
        Self::NoServer,
        Self::NoNeighbour,
        Self::LocalServer,
        Self::Fragment,
        Self::TimeToLive,
        Self::TimeExceeded,
        Self::TooBig,
        Self::CannotFragment,
        Self::AnswerLimit,
        Self::ReplyTooBig,
        Self::NoRoom,
        Self::NoFlow,
        Self::Unresolved,
        Self::SctpFragment,
        Self::NoWayBack,
        Self::Full,
        Self::NewFlowLimit,
        Self::SourceLimit,
        Self::BadSource,
        Self::OtherHost,
        Self::NoEgress,
        Self::Malformed,
    ];

    /// The XDP verdict that goes with the reason: 1 is `XDP_DROP`, 2 is `XDP_PASS`, 3 is
    /// `XDP_TX`.
    #[inline(always)]
    #[must_use]
    pub const fn verdict(self) -> u32 {
        match self {
            Self::NotMaster
            | Self::AgentSilent
            | Self::NoServer
            | Self::LocalServer
            | Self::Fragment
            | Self::TimeToLive
            | Self::ReplyTooBig
            | Self::NoFlow
            | Self::Full
            | Self::BadSource
            | Self::OtherHost
            | Self::Malformed => 2,
            Self::NoNeighbour
            | Self::CannotFragment
            | Self::AnswerLimit
            | Self::NoRoom
            | Self::Unresolved
            | Self::SctpFragment
            | Self::NoWayBack
            | Self::NewFlowLimit
            | Self::SourceLimit
            | Self::NoEgress => 1,
            Self::TooBig | Self::TimeExceeded => 3,
        }
    }

    /// The name in `dump`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::NotMaster => "not_master",
            Self::AgentSilent => "agent_silent",
            Self::NoServer => "no_server",
            Self::NoNeighbour => "no_neighbour",
            Self::LocalServer => "local_server",
            Self::Fragment => "fragment",
            Self::TimeToLive => "time_to_live",
            Self::TimeExceeded => "time_exceeded",
            Self::TooBig => "too_big",
            Self::CannotFragment => "cannot_fragment",
            Self::AnswerLimit => "answer_limit",
            Self::ReplyTooBig => "reply_too_big",
            Self::NoRoom => "no_room",
            Self::NoFlow => "no_flow",
            Self::Unresolved => "unresolved",
            Self::SctpFragment => "sctp_fragment",
            Self::NoWayBack => "no_way_back",
            Self::Full => "full",
            Self::NewFlowLimit => "new_flow_limit",
            Self::SourceLimit => "source_limit",
            Self::BadSource => "bad_source",
            Self::OtherHost => "other_host",
            Self::NoEgress => "no_egress",
            Self::Malformed => "malformed",
        }
    }

    /// What became of the packet, and why, in a few words.
    #[must_use]
    pub const fn meaning(self) -> &'static str {
        match self {
            Self::NotMaster => "to the kernel: the instance of its address is not MASTER",
            Self::AgentSilent => "to the kernel: no sign of life of the agent for xdp_deadman",
            Self::NoServer => "to the kernel: no server with weight is left",
            Self::NoNeighbour => "dropped: the way to the server is not known",
            Self::LocalServer => "to the kernel: the server is this host",
            Self::Fragment => "to the kernel: its first fragment has not come this way",
            Self::TimeToLive => "to the kernel: its time to live has run out",
            Self::TimeExceeded => "answered: its time to live has run out",
            Self::TooBig => "answered: it does not fit the way to the server",
            Self::CannotFragment => {
                "dropped: it does not fit, and XDP fragments nothing: see docs/dump.md"
            }
            Self::AnswerLimit => "dropped: it should be answered, but there were answers enough",
            Self::ReplyTooBig => "to the kernel: a reply does not fit the way to the client",
            Self::NoRoom => "dropped: the flow table has no room for it (NAT)",
            Self::NoFlow => "to the kernel: the middle of an unknown connection (NAT)",
            Self::Unresolved => "to the agent: the client's MAC is not known yet (NAT)",
            Self::SctpFragment => {
                "dropped: a fragment of SCTP that should get another port (NAT): see docs/xdp.md"
            }
            Self::NoWayBack => "dropped: there is no way back to the client (NAT)",
            Self::Full => "to the kernel: every server is at its uthreshold",
            Self::NewFlowLimit => "dropped: more new connections than xdp_new_flow_limit",
            Self::SourceLimit => "dropped: more connections of a client than xdp_source_limit",
            Self::BadSource => "to the kernel: nobody could be answered at its sender's address",
            Self::OtherHost => "to the kernel: its frame is for another Ethernet address",
            Self::NoEgress => "dropped: the interface it should leave by has just gone",
            Self::Malformed => "to the kernel: its headers contradict each other",
        }
    }
}

#[cfg(test)]
mod tests;
