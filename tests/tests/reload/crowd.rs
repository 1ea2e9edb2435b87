//! A crowd of clients whose connections live, and who never stop asking.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, ensure};
use lb_tests::{Namespace, PATIENCE, now, wait_until};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use socket2::{Domain, Socket, Type};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio::task::JoinSet;
use tokio::time::{sleep_until, timeout};

/// So many ask at the same time, each of them on its share of the connections, one after the other.
const WORKERS: usize = 100;

/// Between two questions of a worker: the machine has other work too.
const PAUSE: Duration = Duration::from_millis(5);

/// A packet may be lost while nobody is MASTER; TCP says it again, each time later.
const ANSWER: Duration = Duration::from_secs(30);

/// Connections that live.
pub(crate) struct Crowd {
    state: Arc<State>,
    thread: Option<JoinHandle<Result<()>>>,
    seen: usize,
}

/// What became of a connection that is no more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Lost {
    /// Who has served it.
    pub(crate) server: String,
    /// What the client has seen.
    pub(crate) how: How,
}

/// How a connection ended.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum How {
    /// It was reset.
    Reset,
    /// Anything else.
    Otherwise(String),
}

/// What the workers tell.
#[derive(Default)]
struct State {
    end: AtomicBool,
    workers: Vec<Worker>,
    lost: Mutex<Vec<Lost>>,
}

/// One of them.
#[derive(Default)]
struct Worker {
    /// Questions that it has come to the end of.
    asked: AtomicUsize,
    /// Its connections that live.
    alive: AtomicUsize,
}

/// One connection.
struct Client {
    stream: TcpStream,
    server: String,
}

impl Crowd {
    /// Opens `count` connections to `target` from each of `sources` in turn; every one of them has had
    /// an answer when this returns.
    pub(crate) fn open(
        machine: &Namespace,
        sources: &[IpAddr],
        target: SocketAddr,
        count: usize,
    ) -> Result<Self> {
        // What is opened there stays there; who speaks over it may be anywhere.
        let streams: Vec<std::net::TcpStream> = machine.enter(|| {
            let sources = sources.iter().cycle().take(count);
            sources.map(|source| connect(*source, target)).collect()
        })?;
        let state = Arc::new(State {
            workers: (0..WORKERS).map(|_| Worker::default()).collect(),
            ..State::default()
        });
        let shared = Arc::clone(&state);
        let thread = std::thread::Builder::new()
            .name("crowd".into())
            .spawn(move || ask_for_ever(&shared, streams))?;
        let mut crowd = Self {
            state,
            thread: Some(thread),
            seen: 0,
        };
        ensure!(crowd.lost()?.is_empty(), "some did not live at all");
        Ok(crowd)
    }

    /// Waits until each connection has been asked on anew; those that ended since the last call.
    pub(crate) fn lost(&mut self) -> Result<Vec<Lost>> {
        let asked = |it: &Worker| it.asked.load(Ordering::Acquire);
        let goals = self.state.workers.iter().map(|worker| {
            // The question that is on its way may have been asked before.
            asked(worker) + worker.alive.load(Ordering::Acquire).max(1) + 1
        });
        let goals: Vec<usize> = goals.collect();
        let done = || {
            let workers = self.state.workers.iter().zip(&goals);
            let mut open = workers.filter(|(worker, goal)| {
                asked(worker) < **goal && worker.alive.load(Ordering::Acquire) > 0
            });
            let over = self.thread.as_ref().is_none_or(JoinHandle::is_finished);
            (over || open.next().is_none()).then_some(over)
        };
        let over = wait_until(4 * PATIENCE, done).context("the crowd does not come round")?;
        if over {
            let thread = self.thread.take().context("the crowd has gone")?;
            thread
                .join()
                .map_err(|_panic| anyhow!("the crowd panicked"))??;
            return Err(anyhow!("the crowd has gone"));
        }
        let lost = self.state.lost();
        let new = lost.get(self.seen..).unwrap_or_default().to_vec();
        self.seen = lost.len();
        Ok(new)
    }

    /// How many live.
    pub(crate) fn alive(&self) -> usize {
        let workers = self.state.workers.iter();
        workers.map(|it| it.alive.load(Ordering::Acquire)).sum()
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        self.state.end.store(true, Ordering::Release);
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl State {
    fn lost(&self) -> std::sync::MutexGuard<'_, Vec<Lost>> {
        self.lost.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// As many files as we may have.
pub(crate) fn raise_open_files(wanted: usize) -> Result<()> {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    let hard = hard.max(u64::try_from(wanted)?);
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard)
        .with_context(|| format!("{wanted} open files are needed, and not to be had"))
}

fn connect(source: IpAddr, target: SocketAddr) -> Result<std::net::TcpStream> {
    let socket = Socket::new(Domain::for_address(target), Type::STREAM, None)?;
    socket.bind(&SocketAddr::new(source, 0).into())?;
    socket
        .connect_timeout(&target.into(), PATIENCE)
        .with_context(|| format!("from {source}"))?;
    socket.set_tcp_nodelay(true)?;
    socket.set_nonblocking(true)?;
    Ok(socket.into())
}

/// Until the end: every worker goes round its share of the connections.
fn ask_for_ever(state: &Arc<State>, streams: Vec<std::net::TcpStream>) -> Result<()> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut shares: Vec<Vec<Client>> = Vec::new();
        shares.resize_with(WORKERS, Vec::new);
        for (number, stream) in streams.into_iter().enumerate() {
            let share = shares.get_mut(number % WORKERS).context("no worker")?;
            share.push(Client {
                stream: TcpStream::from_std(stream)?,
                server: String::new(),
            });
        }
        let mut workers = JoinSet::new();
        for (number, share) in shares.into_iter().enumerate() {
            let worker = state.workers.get(number).context("no worker")?;
            worker.alive.store(share.len(), Ordering::Release);
            workers.spawn(go_round(Arc::clone(state), number, share));
        }
        while let Some(ended) = workers.join_next().await {
            ended.context("a worker broke off")?;
        }
        Ok(())
    })
}

async fn go_round(state: Arc<State>, number: usize, mut share: Vec<Client>) {
    let Some(worker) = state.workers.get(number) else {
        return;
    };
    while !state.end.load(Ordering::Acquire) {
        let mut alive = Vec::with_capacity(share.len());
        for mut client in share {
            if state.end.load(Ordering::Acquire) {
                return;
            }
            match client.ask().await {
                Ok(()) => alive.push(client),
                Err(how) => {
                    let server = client.server;
                    state.lost().push(Lost { server, how });
                    worker.alive.fetch_sub(1, Ordering::AcqRel);
                }
            }
            worker.asked.fetch_add(1, Ordering::AcqRel);
            sleep_until((now() + PAUSE).into()).await;
        }
        if alive.is_empty() {
            sleep_until((now() + PAUSE).into()).await;
        }
        share = alive;
    }
}

impl Client {
    /// Asks once; it is the same server that answers, ever.
    async fn ask(&mut self) -> Result<(), How> {
        let answered = timeout(ANSWER, ask(&mut self.stream)).await;
        let Ok(answer) = answered else {
            return Err(How::Otherwise(format!("no answer within {ANSWER:?}")));
        };
        let server = answer.map_err(|error| {
            match error
                .downcast_ref::<std::io::Error>()
                .map(std::io::Error::kind)
            {
                Some(std::io::ErrorKind::ConnectionReset) => How::Reset,
                _ => How::Otherwise(format!("{error:#}")),
            }
        })?;
        if self.server.is_empty() {
            self.server.clone_from(&server);
        }
        if self.server == server {
            Ok(())
        } else {
            Err(How::Otherwise(format!("it was {server} that answered")))
        }
    }
}

/// One request, and the name of the server that answers it.
async fn ask(stream: &mut TcpStream) -> Result<String> {
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: vip\r\n\r\n")
        .await?;
    let mut answer = Vec::new();
    loop {
        let length = stream.read_buf(&mut answer).await?;
        ensure!(length > 0, "the server closed it");
        let text = String::from_utf8_lossy(&answer);
        // The page is one line.
        if let Some((head, page)) = text.split_once("\r\n\r\n")
            && let Some(page) = page.strip_suffix('\n')
        {
            ensure!(head.starts_with("HTTP/1.1 200"), "{text}");
            let server = page.split_whitespace().next().unwrap_or_default();
            return Ok(server.to_owned());
        }
    }
}
