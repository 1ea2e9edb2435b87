//! The program under `BPF_PROG_TEST_RUN`, with the agent's own hands on its maps.

use std::mem::offset_of;
use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result};
use aya::maps::perf::{PerfEvent, PerfEventArray, PerfEventArrayBuffer};
use aya::maps::{HashMap, Map, MapData, PerCpuArray};
use aya::programs::{TestRun as _, TestRunOptions};
use aya::util::online_cpus;
use bytemuck::Zeroable as _;
use lb_agent::config::model::XdpMode;
use lb_agent::dataplane::desired::Desired;
use lb_agent::dataplane::installed::{Installed, Key};
use lb_agent::dataplane::plan::plan;
use lb_agent::dataplane::xdp::attach::Attachments;
use lb_agent::dataplane::xdp::clock::Ticks;
use lb_agent::dataplane::xdp::gate::{Gates, Numbers};
use lb_agent::dataplane::xdp::maps::Maps;
use lb_agent::dataplane::xdp::maps::mapped::Mapped;
use lb_agent::dataplane::xdp::object::Object;
use lb_agent::dataplane::xdp::pins::Pins;
use lb_agent::dataplane::xdp::trace::Tracer;
use lb_agent::dataplane::xdp::unresolved::Reply;
use lb_common::affinity::{Affinity, AffinityKey4};
use lb_common::backend::{Backend, flags};
use lb_common::control::Control;
use lb_common::flow::{
    FREE, FlowBucket, FlowBucket6, FlowEntry, FlowEntry6, STAMP_MASK, TICK_SHIFT, WAYS,
};
use lb_common::fragment::{self, First};
use lb_common::limits::{FLOW_BUCKETS, FLOW_BUCKETS6};
use lb_common::trace::Filter;
use nix::sched::{CpuSet, sched_getcpu, sched_setaffinity};
use nix::unistd::Pid;

use crate::frame::Endpoint;
use crate::model::{Ids, Outcome, key_of};
use crate::network::{Interface, Network};

/// The clock by which durations become ticks. Any would do: the tests count in ticks.
pub(crate) const TICKS: Ticks = Ticks::at(250);

/// What the program's heartbeat looks like when a frame comes in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Agent {
    /// Just now.
    Alive,
    /// On a CPU that is ahead of ours.
    Ahead,
    /// Not for a long time, but `xdp_deadman` has not run out.
    Slow,
    /// Not for longer than `xdp_deadman`.
    Silent,
}

/// What the program has done with a frame, and the ticks between which that was.
#[derive(Clone, Debug)]
pub(crate) struct Ran {
    pub(crate) outcome: Outcome,
    pub(crate) since: i64,
    pub(crate) until: i64,
}

/// The loaded program. Everything of it goes with the namespace it is named after.
pub(crate) struct Rig {
    object: Object,
    pub(crate) maps: Maps,
    pub(crate) gates: Gates,
    control: Arc<Mapped<Control>>,
    flows: Mapped<FlowBucket>,
    flows6: Mapped<FlowBucket6>,
    affinity: HashMap<MapData, [u8; 8], [u8; 8]>,
    pending: HashMap<MapData, [u8; 8], [u8; 8]>,
    fragments: HashMap<MapData, [u8; 12], [u8; 8]>,
    fragments6: HashMap<MapData, [u8; 40], [u8; 8]>,
    cursors: PerCpuArray<MapData, u32>,
    installed: Installed,
    deadman: u64,
    /// Replies that the agent gets, by CPU; empty: no agent is there.
    handed: Vec<PerfEventArrayBuffer<MapData>>,
    _attachments: Attachments,
}

impl Rig {
    /// Loads the program for the director of `network`. To be called on a thread in there.
    pub(crate) fn new(network: &Network) -> Result<Self> {
        let pins = Pins::of(network.director.name());
        let mut object = Object::load(&pins)?;
        let mut maps = Maps::open(&pins)?;
        maps.set_egress(&network.egress())?;
        let control = maps.control();
        let gates = Gates::new(Arc::clone(&control));
        gates.reset(&Numbers::default());
        // The kernel lends an interface to a test run only if a program is attached to it.
        let mut attachments = Attachments::default();
        for (interface, name) in [(network.front, "front"), (network.back, "back")] {
            attachments.attach(&mut object, &pins, interface.index, name, XdpMode::Native)?;
        }
        let flows = Mapped::new(
            MapData::from_pin(pins.map("FLOWS4"))?.fd(),
            FLOW_BUCKETS as usize,
            true,
        )?;
        let flows6 = Mapped::new(
            MapData::from_pin(pins.map("FLOWS6"))?.fd(),
            FLOW_BUCKETS6 as usize,
            true,
        )?;
        let affinity = Map::from_map_data(MapData::from_pin(pins.map("AFFINITY4"))?)?.try_into()?;
        let pending = Map::from_map_data(MapData::from_pin(pins.map("PENDING4"))?)?.try_into()?;
        let fragments =
            Map::from_map_data(MapData::from_pin(pins.map("FRAGMENTS4"))?)?.try_into()?;
        let fragments6 =
            Map::from_map_data(MapData::from_pin(pins.map("FRAGMENTS6"))?)?.try_into()?;
        let cursors = Map::from_map_data(MapData::from_pin(pins.map("CURSORS"))?)?.try_into()?;
        let installed = maps.installed()?;
        let deadman = 0;
        Ok(Self {
            object,
            maps,
            gates,
            control,
            flows,
            flows6,
            affinity,
            pending,
            fragments,
            fragments6,
            cursors,
            installed,
            deadman,
            handed: handed(&pins)?,
            _attachments: attachments,
        })
    }

    /// Tells the program the Ethernet addresses of these interfaces, and of no others.
    pub(crate) fn set_stations(&self, stations: &[Interface]) {
        let stations = stations.iter().map(|it| (it.index, it.mac));
        self.maps.set_stations(stations);
    }

    /// Has the program watch itself from now on, as `lb-agent trace` does; of every packet is told.
    pub(crate) fn trace(&self, network: &Network) -> Result<Tracer> {
        let pins = Pins::of(network.director.name());
        let filter = Filter {
            rate: u32::MAX,
            ..Filter::zeroed()
        };
        Ok(Tracer::prepare(&pins, &self.maps, &filter)?)
    }

    /// Nobody is there any more to take replies over.
    pub(crate) fn forget_agent(&mut self) {
        self.handed.clear();
    }

    /// Sets what the program knows of time and chance; `deadman` is in jiffies.
    pub(crate) fn set_control(&mut self, secret: u64, deadman: u64, timeouts: &[u32]) {
        self.deadman = deadman;
        self.maps.set_control(secret, 250, deadman, timeouts);
    }

    /// Carries out the agent's plan for `desired`; gives the numbers of the services.
    pub(crate) fn configure(&mut self, desired: &Desired) -> Result<Ids> {
        for operation in plan(desired, &self.installed, TICKS)? {
            self.maps
                .execute(&operation)
                .with_context(|| format!("{operation:?}"))?;
            self.installed.record(&operation);
        }
        let services = self.maps.services().into_iter();
        let of_ipv4 = services.filter(|(key, _)| key.address.is_ipv4());
        Ok(of_ipv4
            .map(|(key, entry)| (key_of(key), (entry.id, entry.pool)))
            .collect())
    }

    /// All services begin with their first turn again.
    pub(crate) fn begin_turns_anew(&mut self) -> Result<()> {
        let cpus = self.cursors.get(&0, 0)?.len();
        for pool in self.installed.pools.keys() {
            let zero = vec![0; cpus].try_into()?;
            self.cursors.set((*pool).into(), zero, 0)?;
        }
        Ok(())
    }

    /// Runs the program on `frame` as if it had come in by the interface `ingress`.
    pub(crate) fn run(&mut self, frame: &[u8], ingress: u32, agent: Agent) -> Result<Ran> {
        let since = self.early_in_tick()?;
        let heartbeat = match agent {
            Agent::Alive => since,
            Agent::Ahead => since + 3,
            Agent::Slow => since.saturating_sub(self.deadman / 2),
            Agent::Silent => since.saturating_sub(self.deadman + 1),
        };
        if let Some(word) = self.control.word(0, offset_of!(Control, heartbeat)) {
            word.store(heartbeat, Ordering::SeqCst);
        }
        let outcome = self.test_run("lb_agent", frame, ingress)?;
        let until = self.jiffies()?;
        let tick = |jiffies: u64| (jiffies >> TICK_SHIFT).cast_signed();
        Ok(Ran {
            outcome,
            since: tick(since),
            until: tick(until),
        })
    }

    /// The same without a look at the clock, while the agent is alive.
    pub(crate) fn send(&mut self, frame: &[u8], ingress: u32) -> Result<Outcome> {
        self.object.heartbeat()?;
        self.test_run("lb_agent", frame, ingress)
    }

    /// As [`Self::send`], but the frame is handed to the program for new flows of IPv6 with what the
    /// packet before has left.
    pub(crate) fn hand_over(&mut self, frame: &[u8], ingress: u32) -> Result<Outcome> {
        self.hand_over_to("lb_admit6", frame, ingress)
    }

    /// The same with another program that goes on with what has been left.
    pub(crate) fn hand_over_to(
        &mut self,
        program: &'static str,
        frame: &[u8],
        ingress: u32,
    ) -> Result<Outcome> {
        self.object.heartbeat()?;
        self.test_run(program, frame, ingress)
    }

    fn test_run(&mut self, program: &'static str, frame: &[u8], ingress: u32) -> Result<Outcome> {
        let length = u32::try_from(frame.len())?;
        // struct xdp_md: data, data_end, data_meta, ingress_ifindex, rx_queue_index, egress_ifindex.
        let context = [0, length, 0, ingress, 0, 0].map(u32::to_ne_bytes).concat();
        let mut out = vec![0; frame.len() + 64];
        let mut options = TestRunOptions::new();
        options.data_in = Some(frame);
        options.data_out = Some(&mut out);
        options.ctx_in = Some(&context);
        let result = self.object.program(program)?.test_run(options)?;
        out.truncate(result.data_size_out as usize);
        Ok(Outcome {
            verdict: result.return_value,
            frame: out,
            handed: self.handed(),
        })
    }

    /// What the program has handed to the agent.
    fn handed(&mut self) -> Option<(u32, Vec<u8>)> {
        let mut found = None;
        for buffer in &mut self.handed {
            buffer.for_each(|event| {
                let PerfEvent::Sample { head, tail } = event else {
                    return;
                };
                let event = [head, tail].concat();
                found = Reply::parse(&event).map(|it| (it.ifindex, it.packet.to_vec()));
            });
        }
        found
    }

    /// Waits until two runs have room in one tick.
    pub(crate) fn wait_for_room_in_a_tick(&mut self) -> Result<()> {
        while self.jiffies()? % (1 << TICK_SHIFT) >= (1 << TICK_SHIFT) - 48 {
            sleep(Duration::from_millis(1));
        }
        Ok(())
    }

    /// The time in jiffies, when a tick does not end at once.
    fn early_in_tick(&mut self) -> Result<u64> {
        loop {
            let now = self.jiffies()?;
            if now % (1 << TICK_SHIFT) < (1 << TICK_SHIFT) - 8 {
                return Ok(now);
            }
            sleep(Duration::from_millis(1));
        }
    }

    fn jiffies(&mut self) -> Result<u64> {
        self.object.heartbeat()?;
        let word = self.control.word(0, offset_of!(Control, heartbeat));
        Ok(word
            .context("the control page has no heartbeat")?
            .load(Ordering::SeqCst))
    }

    /// Counts the flow table as the agent does once a second; the tick of that moment.
    pub(crate) fn take_census(&mut self) -> Result<i64> {
        let tick = self.early_in_tick()? >> TICK_SHIFT;
        self.maps.take_census(&self.installed);
        Ok(tick.cast_signed())
    }

    /// The four entries of a bucket of the flow table.
    pub(crate) fn bucket(&self, bucket: u32) -> Option<[FlowEntry; WAYS]> {
        self.flows.get(bucket as usize).map(|bucket| bucket.ways)
    }

    /// Forgets what stands in these buckets of IPv4 and of IPv6.
    pub(crate) fn forget(&self, of_ipv4: [u32; 3], of_ipv6: [u32; 3]) {
        for (bucket, way) in of_ipv4
            .into_iter()
            .flat_map(|it| (0..WAYS).map(move |way| (it, way)))
        {
            let offset = way * size_of::<FlowEntry>();
            if let Some(key) = self.flows.word(bucket as usize, offset) {
                key.store(FREE, Ordering::SeqCst);
            }
        }
        for (bucket, way) in of_ipv6
            .into_iter()
            .flat_map(|it| (0..WAYS).map(move |way| (it, way)))
        {
            let offset = way * size_of::<FlowEntry6>();
            if let Some(key) = self.flows6.word(bucket as usize, offset) {
                key.store(FREE, Ordering::SeqCst);
            }
        }
    }

    /// Makes the flows of these buckets, and all templates, older.
    pub(crate) fn age(&mut self, buckets: impl Iterator<Item = u32>, ticks: u32) -> Result<()> {
        for bucket in buckets {
            for way in 0..WAYS {
                let offset = way * size_of::<FlowEntry>();
                let key = self
                    .flows
                    .word(bucket as usize, offset)
                    .map(|it| it.load(Ordering::SeqCst));
                let life = self
                    .flows
                    .half(bucket as usize, offset + offset_of!(FlowEntry, life));
                if let (Some(key), Some(life)) = (key, life)
                    && key != FREE
                {
                    let old = life.load(Ordering::SeqCst);
                    let stamp = old.wrapping_sub(ticks) & STAMP_MASK;
                    life.store(old & !STAMP_MASK | stamp, Ordering::SeqCst);
                }
            }
        }
        older(&mut self.affinity, ticks)?;
        older(&mut self.pending, ticks)?;
        older_fragments(&mut self.fragments, ticks)?;
        older_fragments(&mut self.fragments6, ticks)
    }

    /// When the flows of IPv6 have been seen last, and their states, in no order; all of them get so many
    /// ticks older first.
    pub(crate) fn lives6(&self, ticks: u32) -> Vec<u32> {
        let places = (0..FLOW_BUCKETS6 as usize).flat_map(|it| (0..WAYS).map(move |way| (it, way)));
        let lives = places.filter_map(|(bucket, way)| {
            let offset = way * size_of::<FlowEntry6>();
            let key = self.flows6.word(bucket, offset)?.load(Ordering::SeqCst);
            let life = self
                .flows6
                .half(bucket, offset + offset_of!(FlowEntry, life))?;
            (key != FREE).then(|| {
                let old = life.load(Ordering::SeqCst);
                let stamp = old.wrapping_sub(ticks) & STAMP_MASK;
                life.store(old & !STAMP_MASK | stamp, Ordering::SeqCst);
                life.load(Ordering::SeqCst)
            })
        });
        lives.collect()
    }

    /// Makes every flow and all templates older.
    pub(crate) fn age_everything(&mut self, ticks: u32) -> Result<()> {
        self.age(0..FLOW_BUCKETS, ticks)
    }

    /// What persistent services remember of their clients.
    pub(crate) fn templates(&self) -> Result<Vec<(AffinityKey4, Affinity)>> {
        remembered(&self.affinity)
    }

    /// The same of clients that have not been seen again.
    pub(crate) fn pending(&self) -> Result<Vec<(AffinityKey4, Affinity)>> {
        remembered(&self.pending)
    }

    /// Whether a flow goes on: it is of the service of IPv4 that a packet is for, and its server is
    /// still there.
    pub(crate) fn goes_on(&self, flow: &FlowEntry, destination: Endpoint, proto: u8) -> bool {
        let service = |port| {
            let address = destination.address.into();
            self.installed.services.get(&Key {
                address,
                port,
                proto,
            })
        };
        let service = service(destination.port).or_else(|| service(0));
        let server = self.installed.backends.get(&flow.slot().into());
        service.is_some_and(|it| {
            let goes_on = |server: &Backend| {
                server.generation == flow.generation() && server.pool == it.entry.pool
            };
            it.entry.id == flow.service() && server.is_some_and(goes_on)
        })
    }

    /// The slot and generation of the server of a pool of IPv4.
    pub(crate) fn places(&self) -> impl Iterator<Item = ((u16, Endpoint), (u32, u16))> {
        let of_ipv4 = self.maps.backends().filter(|(_, it)| !it.has(flags::IPV6));
        of_ipv4.map(|(slot, backend)| {
            let address = Ipv4Addr::from(backend.addr.to_ne_bytes());
            let endpoint = Endpoint {
                address,
                port: u16::from_be(backend.port),
            };
            ((backend.pool, endpoint), (slot, backend.generation))
        })
    }
}

fn handed(pins: &Pins) -> Result<Vec<PerfEventArrayBuffer<MapData>>> {
    let map = Map::from_map_data(MapData::from_pin(pins.map("UNRESOLVED"))?)?;
    let mut map: PerfEventArray<MapData> = map.try_into()?;
    let cpus = online_cpus().map_err(|(path, error)| anyhow::anyhow!("{path}: {error}"))?;
    let buffers = cpus.into_iter().map(|cpu| Ok(map.open(cpu, Some(16))?));
    buffers.collect()
}

fn remembered(map: &HashMap<MapData, [u8; 8], [u8; 8]>) -> Result<Vec<(AffinityKey4, Affinity)>> {
    let all = map.iter();
    let all = all.map(|pair| pair.map(|(key, value)| (bytemuck::cast(key), bytemuck::cast(value))));
    Ok(all.collect::<Result<_, _>>()?)
}

/// The fragments that are waited for become older: of a stamp only the tick.
fn older_fragments<K: aya::Pod>(map: &mut HashMap<MapData, K, [u8; 8]>, ticks: u32) -> Result<()> {
    let all: Vec<(K, [u8; 8])> = map.iter().collect::<Result<_, _>>()?;
    let bits = fragment::stamp(u32::MAX, 0);
    for (key, value) in all {
        let held: First = bytemuck::cast(value);
        let stamp = held.stamp.wrapping_sub(ticks.wrapping_mul(2));
        let older = First {
            stamp: held.stamp & !bits | stamp & bits,
            ..held
        };
        map.insert(key, bytemuck::cast::<_, [u8; 8]>(older), 0)?;
    }
    Ok(())
}

/// Everything that a map remembers becomes older.
fn older<K: aya::Pod>(map: &mut HashMap<MapData, K, [u8; 8]>, ticks: u32) -> Result<()> {
    let all: Vec<(K, [u8; 8])> = map.iter().collect::<Result<_, _>>()?;
    for (key, value) in all {
        let held: Affinity = bytemuck::cast(value);
        let older = Affinity {
            stamp: held.stamp.wrapping_sub(ticks),
            ..held
        };
        map.insert(key, bytemuck::cast::<_, [u8; 8]>(older), 0)?;
    }
    Ok(())
}

/// Keeps the calling thread on the CPU it is on: the program counts turns for each CPU alone.
pub(crate) fn stay_on_this_cpu() -> Result<()> {
    stay_on_cpu(sched_getcpu()?)
}

/// Keeps the calling thread on one CPU.
pub(crate) fn stay_on_cpu(cpu: usize) -> Result<()> {
    let mut set = CpuSet::new();
    set.set(cpu)?;
    sched_setaffinity(Pid::from_raw(0), &set).context("cannot stay on one CPU")
}
