//! Thousands of connections that live while servers and services come, go, weigh something else
//! and rest, and while the agent is started anew.

use std::net::SocketAddr;
use std::thread;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use lb_tests::{Cluster, Layout, Mode, Namespace, PATIENCE, configurations, needs, skipped};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::JoinSet;
use tokio::time::timeout;

/// So many are opened.
const CONNECTIONS: usize = 4000;

/// So many may be on their way at once: what the servers' queues hold.
const AT_ONCE: usize = 100;

/// Ports of the service: those of the real servers are the same.
const PORT: u16 = 7000;

/// The service, `more` in it.
fn service(more: &str) -> String {
    format!(
        "
virtual_server 192.168.159.200 7000 {{
    lb_algo wrr
    lb_kind DR
    protocol TCP
    real_server 192.168.159.105 7000 {{
        weight 1
    }}
    real_server 192.168.159.106 7000 {{
        weight 1
    }}
    {more}
}}
"
    )
}

#[test]
fn connections_live_through_everything_but_the_removal_of_their_server() -> Result<()> {
    if skipped(&needs::SITE) {
        return Ok(());
    }
    raise_open_files()?;
    let [text, other] = configurations::demo(Mode::Dr);
    let with = |more: &str| format!("{text}{}", service(more));
    let mut cluster = Cluster::new(Layout::demo(Mode::Dr), [with(""), other])?;
    for server in &cluster.site.servers {
        echo(server)?;
    }
    cluster.start(0)?;
    cluster.wait_for_master(0)?;
    drop(cluster.probe()?);
    let target = SocketAddr::from((cluster.site.layout.virtual_address, PORT));
    let mut clients = Clients::open(&cluster.site.client, target)?;
    assert_eq!(clients.lost()?, 0, "they are alive");

    let agent = cluster.agent(0)?;
    let steps = [
        // A service comes and goes, another keyword, another order, other weights.
        format!("{}\n{}", with(""), SECOND),
        with("persistence_timeout 60"),
        with("quorum 2"),
        with("").replace("weight 1", "weight 5"),
        with("").replace("lb_algo wrr", "lb_algo rr"),
        with(""),
    ];
    for (number, step) in steps.iter().enumerate() {
        agent.reload(step)?;
        assert_eq!(clients.lost()?, 0, "step {number}: {}", agent.log());
    }
    // Quiesced, and not.
    for command in ["drain", "enable"] {
        let told = agent.tell(&format!("{command} 192.168.159.200:7000 192.168.159.105"))?;
        assert_eq!(told.status, Some(0), "{told:?}");
        assert_eq!(clients.lost()?, 0, "{command}");
    }
    // Started anew, after a crash.
    cluster.take(0)?.kill()?;
    cluster.start(0)?;
    cluster.wait_for_master(0)?;
    assert_eq!(clients.lost()?, 0, "{}", cluster.agent(0)?.log());
    // Only those of a server that is removed are lost.
    let (first, second) = (servers_share(&cluster, 105)?, servers_share(&cluster, 106)?);
    assert_eq!(first + second, CONNECTIONS, "{first} and {second}");
    let without = with("").replace(
        "    real_server 192.168.159.106 7000 {\n        weight 1\n    }\n",
        "",
    );
    cluster.agent(0)?.reload(&without)?;
    assert_eq!(clients.lost()?, second);
    Ok(())
}

const SECOND: &str = "
virtual_server 192.168.159.200 7001 {
    lb_algo rr
    lb_kind DR
    protocol TCP
    real_server 192.168.159.105 7001 {
        weight 1
    }
}
";

/// Flows that the data plane has for a server of the service.
fn servers_share(cluster: &Cluster, host: u8) -> Result<usize> {
    let director = &cluster.site.directors[0];
    let told = director.tell("dump connections")?;
    ensure!(told.status == Some(0), "{}", told.error);
    let server = format!("192.168.159.{host}:7000");
    Ok(told
        .text
        .lines()
        .filter(|line| line.contains(&server))
        .count())
}

/// Client, both servers and their pipes.
fn raise_open_files() -> Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    Ok(setrlimit(Resource::RLIMIT_NOFILE, hard, hard)?)
}

fn runtime() -> Result<Runtime> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}

/// Echoes whatever comes, in a thread that ends with the process.
fn echo(machine: &Namespace) -> Result<()> {
    machine.enter(|| {
        let listener = std::net::TcpListener::bind(("0.0.0.0", PORT))?;
        listener.set_nonblocking(true)?;
        thread::Builder::new().name("echo".into()).spawn(|| {
            let served = runtime().and_then(|runtime| runtime.block_on(serve(listener)));
            drop(served);
        })?;
        Ok(())
    })
}

async fn serve(listener: std::net::TcpListener) -> Result<()> {
    let listener = TcpListener::from_std(listener)?;
    loop {
        let (mut stream, _) = listener.accept().await?;
        tokio::spawn(async move {
            let mut byte = [0];
            while stream.read_exact(&mut byte).await.is_ok() {
                if stream.write_all(&byte).await.is_err() {
                    return;
                }
            }
        });
    }
}

/// Connections that live.
struct Clients {
    runtime: Runtime,
    streams: Vec<TcpStream>,
}

impl Clients {
    fn open(machine: &Namespace, target: SocketAddr) -> Result<Self> {
        // What is opened there stays there; who speaks over it may be anywhere.
        let streams: Vec<std::net::TcpStream> = machine.enter(|| {
            let open = |_| {
                let stream = std::net::TcpStream::connect_timeout(&target, PATIENCE)?;
                stream.set_nonblocking(true)?;
                stream.set_nodelay(true)?;
                anyhow::Ok(stream)
            };
            (0..CONNECTIONS).map(open).collect()
        })?;
        let runtime = runtime()?;
        let entered = runtime.enter();
        let streams = streams.into_iter().map(TcpStream::from_std);
        let streams = streams.collect::<Result<_, _>>()?;
        drop(entered);
        Ok(Self { runtime, streams })
    }

    /// Says something on each; how many do not answer. Those are closed.
    fn lost(&mut self) -> Result<usize> {
        let before = self.streams.len();
        let streams = std::mem::take(&mut self.streams);
        self.streams = self.runtime.block_on(ping_all(streams))?;
        Ok(before - self.streams.len())
    }
}

/// Those that answer.
async fn ping_all(streams: Vec<TcpStream>) -> Result<Vec<TcpStream>> {
    let mut alive = Vec::with_capacity(streams.len());
    let mut left = streams.into_iter();
    let mut tasks = JoinSet::new();
    loop {
        while tasks.len() < AT_ONCE {
            let Some(stream) = left.next() else { break };
            tasks.spawn(ping(stream));
        }
        match tasks.join_next().await {
            None => return Ok(alive),
            Some(answered) => alive.extend(answered.context("a task broke off")?),
        }
    }
}

async fn ping(mut stream: TcpStream) -> Option<TcpStream> {
    let asked = async {
        stream.write_all(b"?").await?;
        let mut byte = [0];
        stream.read_exact(&mut byte).await?;
        (byte == *b"?")
            .then_some(())
            .ok_or_else(|| anyhow!("something else"))
    };
    // A packet may have been lost while nobody was MASTER: TCP says it again.
    let answered = timeout(Duration::from_secs(20), asked).await;
    matches!(answered, Ok(Ok(()))).then_some(stream)
}
