//! The network of a load balancer: a client, two directors, two real servers.

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};

use anyhow::Result;

use crate::namespace::Namespace;
use crate::server::WebServer;
use crate::switch::{Switch, load};

/// `lb_kind`: how a director hands packets to a real server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The server has the virtual address itself, silently, and gets the client's packet as it is.
    Dr,
    /// As above, but the packet comes in a tunnel (IPIP).
    Tun,
    /// The server knows nothing; its way back leads through the director.
    Nat,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 3] = [Self::Dr, Self::Tun, Self::Nat];
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Dr => "DR",
            Self::Tun => "TUN",
            Self::Nat => "NAT",
        })
    }
}

/// A segment that both directors are plugged into.
#[derive(Clone, Copy, Debug)]
pub struct Segment {
    /// Name of the directors' interfaces.
    pub interface: &'static str,
    /// Their addresses, with prefix length 24.
    pub directors: [Ipv4Addr; 2],
}

/// Who has which address. All prefixes are 24 long.
#[derive(Clone, Copy, Debug)]
pub struct Layout {
    /// `lb_kind`.
    pub mode: Mode,
    /// Where the clients are, and the real servers too unless `inside` is given.
    pub outside: Segment,
    /// The real servers' own segment (NAT).
    pub inside: Option<Segment>,
    /// A segment for VRRP alone.
    pub heartbeat: Option<Segment>,
    /// The virtual address.
    pub virtual_address: Ipv4Addr,
    /// The inside address that goes with the role of MASTER, the servers' gateway (NAT).
    pub gateway: Ipv4Addr,
    /// The client.
    pub client: Ipv4Addr,
    /// The real servers.
    pub servers: [Ipv4Addr; 2],
}

impl Layout {
    /// The network of the demo: 192.168.159.0/24 on `ens33`; with NAT the servers stand in
    /// 192.168.160.0/24, on `ens37` of the directors.
    pub const fn demo(mode: Mode) -> Self {
        let (inside, servers) = match mode {
            Mode::Dr | Mode::Tun => (None, 159),
            Mode::Nat => (Some(segment("ens37", 160, [103, 104])), 160),
        };
        Self {
            mode,
            outside: segment("ens33", 159, [103, 104]),
            inside,
            heartbeat: None,
            virtual_address: Ipv4Addr::new(192, 168, 159, 200),
            gateway: Ipv4Addr::new(192, 168, 160, 1),
            client: Ipv4Addr::new(192, 168, 159, 50),
            servers: [
                Ipv4Addr::new(192, 168, servers, 105),
                Ipv4Addr::new(192, 168, servers, 106),
            ],
        }
    }
}

/// A segment in 192.168.`network`.0/24.
const fn segment(interface: &'static str, network: u8, [first, second]: [u8; 2]) -> Segment {
    Segment {
        interface,
        directors: [
            Ipv4Addr::new(192, 168, network, first),
            Ipv4Addr::new(192, 168, network, second),
        ],
    }
}

/// The network, standing.
#[derive(Debug)]
pub struct Site {
    /// Who has which address.
    pub layout: Layout,
    /// nginx on the real servers, `rs1` and `rs2`; take one out, and it stops.
    pub web: [Option<WebServer>; 2],
    /// The client.
    pub client: Namespace,
    /// The directors.
    pub directors: [Namespace; 2],
    /// The real servers.
    pub servers: [Namespace; 2],
    /// The segment of the clients; its ports are `client`, `director1`, `director2` and, unless
    /// there is an inside, `rs1` and `rs2`.
    pub outside: Switch,
    /// The segment of the real servers (NAT).
    pub inside: Option<Switch>,
    /// The segment of VRRP alone.
    pub heartbeat: Option<Switch>,
}

impl Site {
    /// Builds the network; both web servers answer when this returns.
    pub fn new(layout: Layout) -> Result<Self> {
        let outside = Switch::new("outside")?;
        let client = Namespace::new("client")?;
        outside.plug(&client, "eth0", &with_prefix(layout.client))?;
        let directors = [Namespace::new("director1")?, Namespace::new("director2")?];
        plug_directors(&outside, &layout.outside, &directors)?;
        let extra = |segment: Option<Segment>, label| {
            segment
                .map(|segment| {
                    let switch = Switch::new(label)?;
                    plug_directors(&switch, &segment, &directors)?;
                    anyhow::Ok(switch)
                })
                .transpose()
        };
        let inside = extra(layout.inside, "inside")?;
        let heartbeat = extra(layout.heartbeat, "heartbeat")?;
        if layout.mode == Mode::Nat {
            for director in &directors {
                director.sysctl("ipv4.ip_forward", "1")?;
            }
        }
        let servers = [Namespace::new("rs1")?, Namespace::new("rs2")?];
        for (server, address) in servers.iter().zip(layout.servers) {
            inside
                .as_ref()
                .unwrap_or(&outside)
                .plug(server, "eth0", &with_prefix(address))?;
            prepare_server(server, &layout)?;
        }
        let [first, second] = &servers;
        let web = [
            Some(WebServer::start(first, "rs1", 200)?),
            Some(WebServer::start(second, "rs2", 200)?),
        ];
        Ok(Self {
            layout,
            web,
            client,
            directors,
            servers,
            outside,
            inside,
            heartbeat,
        })
    }

    /// Where the clients go: port 80 of the virtual address.
    pub fn service(&self) -> SocketAddr {
        SocketAddr::from((self.layout.virtual_address, 80))
    }
}

/// `192.0.2.1` → `192.0.2.1/24`.
fn with_prefix(address: Ipv4Addr) -> String {
    format!("{address}/24")
}

/// Plugs both directors into a segment.
fn plug_directors(switch: &Switch, segment: &Segment, directors: &[Namespace; 2]) -> Result<()> {
    for (director, address) in directors.iter().zip(segment.directors) {
        switch.plug(director, segment.interface, &with_prefix(address))?;
    }
    Ok(())
}

/// Makes a machine a real server of the mode.
fn prepare_server(server: &Namespace, layout: &Layout) -> Result<()> {
    match layout.mode {
        Mode::Nat => {
            server.ip(&format!("route add default via {}", layout.gateway))?;
        }
        Mode::Dr | Mode::Tun => {
            // The server accepts the virtual address but neither answers ARP for it nor asks in
            // its name: to the segment it is the director's alone.
            server.sysctl("ipv4.conf.all.arp_ignore", "1")?;
            server.sysctl("ipv4.conf.all.arp_announce", "2")?;
            server.ip(&format!("address add {}/32 dev lo", layout.virtual_address))?;
        }
    }
    if layout.mode == Mode::Tun {
        load(server, "eth0", "decap")?;
    }
    Ok(())
}
