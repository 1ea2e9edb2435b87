//! The ways from one cable to the other.

use std::fmt;
use std::net::IpAddr;
use std::process::Command;

use anyhow::{Result, ensure};
use lb_agent::config::model::{Forwarding, XdpMode};
use lb_agent::dataplane::desired::{Desired, Path, Server, Service};
use lb_agent::dataplane::installed::Key;
use lb_agent::dataplane::nexthop::Hop;
use lb_agent::dataplane::plan::plan;
use lb_agent::dataplane::xdp::attach::{Attachments, Mode};
use lb_agent::dataplane::xdp::clock::Ticks;
use lb_agent::dataplane::xdp::gate::{Gates, Numbers};
use lb_agent::dataplane::xdp::maps::Maps;
use lb_agent::dataplane::xdp::object::Object;
use lb_agent::dataplane::xdp::pins::Pins;
use lb_common::flow::state::TIMEOUTS;
use lb_common::service::TCP;

use crate::carried::is_carried;
use crate::line::{DIRECTOR, Line, NOBODY, OUTSIDE};
use crate::scenario::Family;

/// The server.
const SERVER: [u8; 4] = [198, 51, 100, 10];

/// Who forwards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// Nobody: frames end where they come in.
    Nowhere,
    /// We.
    Xdp(Family, Forwarding),
    /// The kernel's bridge.
    Bridged,
    /// The kernel's routing.
    Routed,
    /// The kernel's IPVS, in DR mode.
    Ipvs,
}

/// What forwards, as long as it is held.
pub(crate) enum Built {
    /// The kernel alone.
    Kernel,
    /// The program with its attachments.
    Program(Box<Program>),
}

/// The program at work.
pub(crate) struct Program {
    object: Object,
    _maps: Maps,
    attachments: Attachments,
    pins: Pins,
}

impl Built {
    /// Says that the agent is alive.
    pub(crate) fn beat(&mut self) -> Result<()> {
        match self {
            Self::Kernel => Ok(()),
            Self::Program(program) => Ok(program.object.heartbeat()?),
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        // What is left goes with the namespace, whose name the pins have.
        let _left = self.attachments.detach_all();
        let _left = self.pins.remove();
    }
}

impl Way {
    /// All there are on this kernel, as far as that is known beforehand.
    pub(crate) fn all() -> Vec<Self> {
        let methods = [Forwarding::Dr, Forwarding::Tun, Forwarding::Nat];
        let ours = [Family::Ipv4, Family::Ipv6].into_iter().flat_map(|family| {
            let carried = methods
                .into_iter()
                .filter(move |it| is_carried(family, *it));
            carried.map(move |method| Self::Xdp(family, method))
        });
        let kernel = [Self::Bridged, Self::Routed, Self::Ipvs];
        [Self::Nowhere]
            .into_iter()
            .chain(ours)
            .chain(kernel)
            .collect()
    }

    /// Whether it is ours.
    pub(crate) const fn is_ours(self) -> bool {
        matches!(self, Self::Xdp(..))
    }

    /// Where frames go to: address and MAC.
    pub(crate) fn target(self) -> (IpAddr, [u8; 6]) {
        let service = match self {
            Self::Xdp(Family::Ipv6, _) => IpAddr::from([0x2001, 0xdb8, 0, 0, 0, 0, 0, 1]),
            Self::Nowhere | Self::Xdp(Family::Ipv4, _) | Self::Ipvs => {
                IpAddr::from([192, 0, 2, 100])
            }
            Self::Bridged | Self::Routed => IpAddr::from(SERVER),
        };
        let mac = match self {
            Self::Bridged => NOBODY,
            Self::Nowhere | Self::Xdp(..) | Self::Routed | Self::Ipvs => DIRECTOR,
        };
        (service, mac)
    }

    /// Builds it between the director's interfaces; `None`: this kernel has it not.
    pub(crate) fn build(self, line: &Line) -> Result<Option<Built>> {
        let director = &line.director;
        match self {
            Self::Nowhere => {}
            Self::Xdp(family, method) => {
                let program = program(line, family, method)?;
                return Ok(Some(Built::Program(Box::new(program))));
            }
            Self::Bridged => {
                line.receive_without_a_program()?;
                for command in [
                    "link add br0 type bridge",
                    "link set d0 master br0",
                    "link set d1 master br0",
                    "link set br0 up",
                ] {
                    director.ip(command)?;
                }
                let mut bridge = Command::new("bridge");
                let mac = "02:00:00:00:00:99";
                director.run(bridge.args(["fdb", "add", mac, "dev", "d1", "master", "static"]))?;
            }
            Self::Routed => line.receive_without_a_program()?,
            Self::Ipvs => {
                if !has_ipvs(line) {
                    return Ok(None);
                }
                line.receive_without_a_program()?;
                director.ip("address add 192.0.2.100/32 dev d0")?;
                let service = "192.0.2.100:80";
                for arguments in [
                    &["-A", "-t", service, "-s", "rr"][..],
                    &["-a", "-t", service, "-r", "198.51.100.10:80", "-g"],
                ] {
                    director.run(Command::new("ipvsadm").args(arguments))?;
                }
            }
        }
        Ok(Some(Built::Kernel))
    }
}

/// Whether the kernel has IPVS, loaded or to be loaded.
fn has_ipvs(line: &Line) -> bool {
    let _loaded = Command::new("modprobe").arg("ip_vs").output();
    let listed = line.director.run(Command::new("ipvsadm").arg("-Ln"));
    listed.is_ok()
}

/// Our program on both interfaces, with one service of one server.
fn program(line: &Line, family: Family, method: Forwarding) -> Result<Program> {
    let pins = Pins::of(line.director.name());
    let (inside, outside) = (line.index("d0")?, line.index("d1")?);
    line.director.enter(|| {
        let mut object = Object::load(&pins)?;
        let mut maps = Maps::open(&pins)?;
        // Without a deadman, and with a clock that is near enough.
        maps.set_control(0x5eed, 250, 0, &TIMEOUTS.map(|seconds| seconds * 10));
        maps.set_egress(&[inside, outside])?;
        Gates::new(maps.control()).reset(&Numbers::default());
        let desired = Desired {
            services: vec![service(family, method, outside)],
        };
        for operation in plan(&desired, &maps.installed()?, Ticks::at(250))? {
            maps.execute(&operation)?;
        }
        let mut attachments = Attachments::default();
        for (index, name) in [(inside, "d0"), (outside, "d1")] {
            let attached = attachments.attach(&mut object, &pins, index, name, XdpMode::Native)?;
            ensure!(
                attached.mode == Mode::Native,
                "{name} takes no native program"
            );
        }
        Ok(Program {
            object,
            _maps: maps,
            attachments,
            pins: pins.clone(),
        })
    })
}

fn service(family: Family, method: Forwarding, index: u32) -> Service {
    let (address, _) = Way::Xdp(family, method).target();
    let (server, source) = match family {
        Family::Ipv4 => (IpAddr::from(SERVER), IpAddr::from([198, 51, 100, 1])),
        Family::Ipv6 => (
            IpAddr::from([0x2001, 0xdb8, 1, 0, 0, 0, 0, 0x10]),
            IpAddr::from([0x2001, 0xdb8, 1, 0, 0, 0, 0, 1]),
        ),
    };
    let hop = Hop {
        index,
        mtu: 1500,
        src_mac: OUTSIDE,
        dst_mac: NOBODY,
        source: Some(source),
    };
    let server = Server {
        method,
        path: Path::Via(hop),
        ..Server::new(server, 80)
    };
    let key = Key {
        address,
        port: 80,
        proto: TCP,
    };
    Service {
        servers: vec![server],
        ..Service::new(key)
    }
}

impl fmt::Display for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nowhere => write!(f, "made and dropped at d0"),
            Self::Xdp(family, method) => {
                let family = match family {
                    Family::Ipv4 => "",
                    Family::Ipv6 => "IPv6 ",
                };
                write!(
                    f,
                    "lb-agent, {family}{}",
                    format!("{method:?}").to_uppercase()
                )
            }
            Self::Bridged => write!(f, "the kernel's bridge"),
            Self::Routed => write!(f, "the kernel's routing"),
            Self::Ipvs => write!(f, "the kernel's IPVS, DR"),
        }
    }
}
