//! Hands mails to the server, one after another.
//!
//! A server that cannot be reached, is slow or says "later" is tried three times, ten seconds apart;
//! then the mail is given up, and that is said. (keepalived tries once.) Every step may take as long
//! as `smtp_connect_timeout`. A reload changes how mails are sent from the next try on; it loses none.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, BufReader};
use tokio::net::TcpStream;
use tokio::sync::mpsc::{self, UnboundedReceiver, UnboundedSender};
use tokio::task::JoinHandle;
use tokio::time::{sleep_until, timeout_at};
use tracing::{info, warn};

use super::mail::{Envelope, Mail};
use super::smtp::{Credentials, Dialogue, LONGEST_LINE, SmtpError, Step};
use super::tls::Tls;
use crate::runtime::clock;

/// How often a mail is tried.
const TRIES: u32 = 3;

/// From one try to the next.
const RETRY: Duration = Duration::from_secs(10);

/// Mails that may wait; beyond that the oldest are given up.
pub const MOST_WAITING: usize = 1000;

/// `smtp_server HOST [PORT]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    /// Name or address. A name is looked up for each mail.
    pub host: String,
    /// Port, by default 25.
    pub port: u16,
}

/// `smtp_server` and what belongs to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// The server.
    pub server: Server,
    /// `smtp_connect_timeout`, more than 0; keepalived's default is 30 s.
    pub timeout: Duration,
    /// `smtp_helo_name`; keepalived's default is `localhost`.
    pub helo_name: String,
    /// For AUTH, if it is wanted.
    pub credentials: Option<Credentials>,
    /// For STARTTLS, if it is wanted.
    pub tls: Option<Tls>,
    /// From and to whom.
    pub envelope: Envelope,
}

/// What the mailer is told.
#[derive(Debug)]
enum Order {
    /// Send this.
    Send(Mail),
    /// Go on with these settings.
    GoOn(Box<Settings>),
    /// End when everything is sent.
    End,
}

/// The running mailer. Dropped, it sends no more.
#[derive(Debug)]
pub struct Handle {
    orders: UnboundedSender<Order>,
    task: JoinHandle<()>,
}

/// Where mails are handed in. Cheap to clone, from any thread; it never waits.
#[derive(Clone, Debug)]
pub struct Mailer(UnboundedSender<Order>);

impl Mailer {
    /// Sends a mail, some time.
    pub fn send(&self, mail: Mail) {
        // Nobody there any more: the agent ends.
        self.0.send(Order::Send(mail)).ok();
    }
}

impl Handle {
    /// Where to hand mails in.
    pub fn mailer(&self) -> Mailer {
        Mailer(self.orders.clone())
    }

    /// Goes on with other settings. The mails that wait are sent with them, the one on its way as well
    /// if it has to be tried again: whoever mends a wrong `smtp_server` wants to have them.
    pub fn go_on(&self, settings: Settings) {
        // Nobody there any more: the agent ends.
        self.orders.send(Order::GoOn(Box::new(settings))).ok();
    }

    /// Sends what was handed in until now, for at most `limit`.
    pub async fn finish(mut self, limit: Duration) {
        self.orders.send(Order::End).ok();
        let deadline = clock::now() + limit;
        if timeout_at(deadline.into(), &mut self.task).await.is_err() {
            warn!("mails could not be sent within {limit:?} of the end; they are lost");
        }
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Starts a mailer on the runtime of the caller.
///
/// # Panics
///
/// Outside of a tokio runtime.
#[must_use]
pub fn spawn(settings: Settings) -> Handle {
    let (orders, inbox) = mpsc::unbounded_channel();
    let task = tokio::spawn(run(settings, inbox));
    Handle { orders, task }
}

/// The mails that wait, and the tries of the first one. Pure.
#[derive(Debug, Default)]
struct Queue {
    waiting: VecDeque<Mail>,
    tries: u32,
    not_before: Option<Instant>,
}

impl Queue {
    /// Whether there was room for it and all before it. The first mail is on its way and stays.
    fn push(&mut self, mail: Mail) -> bool {
        self.waiting.push_back(mail);
        let room = self.waiting.len() <= MOST_WAITING;
        if !room {
            self.waiting.remove(1);
        }
        room
    }

    fn drop_first(&mut self) {
        self.waiting.pop_front();
        self.tries = 0;
        self.not_before = None;
    }

    /// The first mail, if it may be tried `now`.
    fn due(&self, now: Instant) -> Option<&Mail> {
        let late = self.not_before.is_none_or(|not_before| not_before <= now);
        self.waiting.front().filter(|_| late)
    }

    /// When the first mail may be tried again; `None`: at once, or there is none.
    fn poll_timeout(&self) -> Option<Instant> {
        self.waiting.front()?;
        self.not_before
    }

    /// Mails are sent in another way from now on: the first one has all its tries again, and need not
    /// wait.
    fn begin_anew(&mut self) {
        self.tries = 0;
        self.not_before = None;
    }

    /// The first mail was tried; whether it was given up.
    fn tried(&mut self, result: Result<(), bool>, now: Instant) -> bool {
        self.tries = self.tries.saturating_add(1);
        match result {
            Err(true) if self.tries < TRIES => {
                self.not_before = now.checked_add(RETRY);
                false
            }
            Ok(()) | Err(_) => {
                self.drop_first();
                result.is_err()
            }
        }
    }
}

async fn run(settings: Settings, mut inbox: UnboundedReceiver<Order>) {
    let mut settings = Arc::new(settings);
    let mut queue = Queue::default();
    let mut open = true;
    let mut sending = None;
    loop {
        if sending.is_none()
            && let Some(mail) = queue.due(clock::now())
        {
            let settings = Arc::clone(&settings);
            sending = Some(Box::pin(try_once(settings, mail.clone())));
        }
        if queue.waiting.is_empty() && !open {
            return;
        }
        let next_try = queue.poll_timeout().filter(|_| sending.is_none());
        tokio::select! {
            order = inbox.recv(), if open => match order {
                Some(Order::Send(mail)) => push(&mut queue, mail),
                Some(Order::GoOn(other)) => {
                    settings = Arc::new(*other);
                    queue.begin_anew();
                }
                Some(Order::End) | None => open = false,
            },
            Some(result) = end_of(&mut sending) => {
                sending = None;
                if queue.tried(result, clock::now()) {
                    let server = &settings.server;
                    warn!("a mail to SMTP server {server} was given up");
                }
            }
            () = wait_until(next_try) => {}
        }
    }
}

async fn wait_until(deadline: Option<Instant>) {
    match deadline {
        Some(deadline) => sleep_until(deadline.into()).await,
        None => std::future::pending().await,
    }
}

/// `None` if nothing is being sent.
async fn end_of<T>(sending: &mut Option<Pin<Box<impl Future<Output = T>>>>) -> Option<T> {
    match sending {
        Some(sending) => Some(sending.await),
        None => None,
    }
}

/// Sends a mail, and says how that went. `Err(true)`: it may be tried again.
async fn try_once(settings: Arc<Settings>, mail: Mail) -> Result<(), bool> {
    match send(&settings, &mail).await {
        Ok(()) => {
            info!("SMTP alert successfully sent.");
            Ok(())
        }
        Err(failure) => {
            info!("{}", failure.line(&settings.server));
            Err(failure.is_temporary())
        }
    }
}

fn push(queue: &mut Queue, mail: Mail) {
    if !queue.push(mail) {
        warn!("more than {MOST_WAITING} mails wait; the oldest was given up");
    }
}

/// keepalived's way to write it.
impl fmt::Display for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "[{}]:{}", self.host, self.port)
    }
}

impl From<SocketAddr> for Server {
    fn from(address: SocketAddr) -> Self {
        Self {
            host: address.ip().to_string(),
            port: address.port(),
        }
    }
}

/// Why a mail is still here.
#[derive(Debug)]
enum Failure {
    Connect(io::Error),
    ConnectTimeout,
    ReadTimeout,
    WriteTimeout,
    Read(io::Error),
    Write(io::Error),
    Closed,
    LineTooLong,
    Tls(io::Error),
    TlsTimeout,
    Injected,
    Smtp(SmtpError),
}

impl Failure {
    const fn is_temporary(&self) -> bool {
        match self {
            Self::Smtp(error) => error.is_temporary(),
            Self::Connect(_)
            | Self::ConnectTimeout
            | Self::ReadTimeout
            | Self::WriteTimeout
            | Self::Read(_)
            | Self::Write(_)
            | Self::Closed
            | Self::LineTooLong
            | Self::Tls(_)
            | Self::TlsTimeout
            | Self::Injected => true,
        }
    }

    /// keepalived's words.
    fn line(&self, server: &Server) -> String {
        match self {
            Self::Connect(error) => format!("SMTP connection ERROR to {server}. ({error})"),
            Self::ConnectTimeout => format!("Timeout connecting SMTP server {server}."),
            Self::ReadTimeout => format!("Timeout reading data to remote SMTP server {server}."),
            Self::WriteTimeout => format!("Timeout sending data to remote SMTP server {server}."),
            Self::Read(error) => {
                format!("Error reading data from remote SMTP server {server}. ({error})")
            }
            Self::Write(error) => {
                format!("Cannot send data to remote SMTP server {server}. ({error})")
            }
            Self::Closed => format!("Remote SMTP server {server} has closed the connection."),
            Self::LineTooLong => format!(
                "Received buffer from remote SMTP server {server} overflow our get read buffer \
                 length."
            ),
            Self::Tls(error) => format!("TLS with SMTP server {server} fails: {error}"),
            Self::TlsTimeout => format!("Timeout of TLS with SMTP server {server}."),
            Self::Injected => format!(
                "SMTP server {server} speaks in the clear after STARTTLS: somebody may be in between"
            ),
            Self::Smtp(error) => error.line(&server.to_string()),
        }
    }
}

/// A connection, secured or not.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<S: AsyncRead + AsyncWrite + Unpin + Send> Stream for S {}

/// Secures a connection on which the server has agreed to that.
async fn secure(
    settings: &Settings,
    stream: BufReader<Box<dyn Stream>>,
) -> Result<BufReader<Box<dyn Stream>>, Failure> {
    if !stream.buffer().is_empty() {
        return Err(Failure::Injected);
    }
    let Some(tls) = &settings.tls else {
        return Err(Failure::Tls(io::Error::other("it was not asked for")));
    };
    let deadline = clock::now() + settings.timeout;
    let secured = tls.connect(&settings.server.host, stream.into_inner());
    match timeout_at(deadline.into(), secured).await {
        Ok(secured) => Ok(BufReader::new(Box::new(secured.map_err(Failure::Tls)?))),
        Err(_elapsed) => Err(Failure::TlsTimeout),
    }
}

async fn send(settings: &Settings, mail: &Mail) -> Result<(), Failure> {
    let deadline = || (clock::now() + settings.timeout).into();
    let Server { host, port } = &settings.server;
    // A name is looked up on one of tokio's threads for what blocks.
    let connect = TcpStream::connect((host.as_str(), *port));
    let mut stream: BufReader<Box<dyn Stream>> = match timeout_at(deadline(), connect).await {
        Ok(connected) => BufReader::new(Box::new(connected.map_err(Failure::Connect)?)),
        Err(_elapsed) => return Err(Failure::ConnectTimeout),
    };
    let server = &settings.server;
    info!("Remote SMTP server {server} connected.");
    let text = mail.text(&settings.envelope, wall_clock());
    let mut dialogue = Dialogue::new(
        &settings.envelope,
        &settings.helo_name,
        settings.credentials.as_ref(),
        &text,
    );
    if settings.tls.is_some() {
        dialogue = dialogue.over_tls();
    }
    loop {
        let line = match timeout_at(deadline(), read_line(&mut stream)).await {
            Ok(line) => line?,
            Err(_elapsed) => return Err(Failure::ReadTimeout),
        };
        let (send, done) = match dialogue.handle_line(&line).map_err(Failure::Smtp)? {
            Step::Listen => continue,
            Step::Send(text) => (text, false),
            Step::Secure => {
                stream = secure(settings, stream).await?;
                (dialogue.secured(), false)
            }
            Step::Done(text) => (text, true),
        };
        let sent = async {
            stream.write_all(send.as_bytes()).await?;
            stream.flush().await
        };
        let sent = timeout_at(deadline(), sent).await;
        if done {
            // The mail is theirs; how they take the farewell does not matter.
            for error in dialogue.refused() {
                info!("{}", error.line(&server.to_string()));
            }
            return Ok(());
        }
        match sent {
            Ok(sent) => sent.map_err(Failure::Write)?,
            Err(_elapsed) => return Err(Failure::WriteTimeout),
        }
    }
}

/// A line without its end, which may be a bare line feed.
async fn read_line(stream: &mut BufReader<Box<dyn Stream>>) -> Result<String, Failure> {
    let mut line = Vec::new();
    loop {
        let byte = match stream.read_u8().await {
            Ok(byte) => byte,
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                return Err(Failure::Closed);
            }
            Err(error) => return Err(Failure::Read(error)),
        };
        if byte == b'\n' {
            let line = line.strip_suffix(b"\r").unwrap_or(&line);
            return Ok(String::from_utf8_lossy(line).into_owned());
        }
        if line.len() >= LONGEST_LINE {
            return Err(Failure::LineTooLong);
        }
        line.push(byte);
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "the date of a mail; nothing is measured with it"
)]
fn wall_clock() -> SystemTime {
    SystemTime::now()
}

#[cfg(test)]
mod tests;
