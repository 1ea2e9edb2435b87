//! The agent's end of the socket: tasks on the agent's thread.

use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, oneshot};
use tokio::task::{JoinHandle, JoinSet, spawn_blocking};
use tokio::time::{sleep_until, timeout};
use tracing::{debug, warn};

use super::protocol::{MAX_REQUEST, Request, Response};
use crate::runtime::clock;

/// How long a request may take to arrive, and a response to be taken.
const PATIENCE: Duration = Duration::from_secs(5);

/// Connections at a time; more wait in the kernel.
const AT_A_TIME: usize = 16;

/// After the kernel had no descriptor for a caller.
const PAUSE: Duration = Duration::from_millis(200);

/// Why nobody can call.
#[derive(Debug, Error)]
#[error("cannot listen on {}: {source}; `lb-agent reload` and the like will not reach this agent", .path.display())]
pub struct ListenError {
    path: PathBuf,
    source: io::Error,
}

/// A request, and who waits for the response. Who has gone does not.
#[derive(Debug)]
pub struct Call {
    /// What is wanted.
    pub request: Request,
    /// Where the response goes.
    pub reply: oneshot::Sender<Response>,
}

/// The socket; dropped, it is closed and removed.
#[derive(Debug)]
pub struct Server {
    path: PathBuf,
    calls: mpsc::Receiver<Call>,
    task: JoinHandle<()>,
}

impl Server {
    /// Listens on `path`, in place of what an agent that died has left there. The caller holds the
    /// lock of the instance.
    ///
    /// # Panics
    ///
    /// Outside of a tokio runtime.
    pub fn listen(path: &Path) -> Result<Self, ListenError> {
        let failed = |source| ListenError {
            path: path.to_owned(),
            source,
        };
        match std::fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(error)),
            Ok(()) | Err(_) => {}
        }
        let listener = UnixListener::bind(path).map_err(failed)?;
        let only_ours = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(path, only_ours).map_err(failed)?;
        // One at a time: what comes meanwhile waits in its connection's task.
        let (sender, calls) = mpsc::channel(1);
        Ok(Self {
            path: path.to_owned(),
            calls,
            task: tokio::spawn(accept(listener, sender)),
        })
    }

    /// The next call.
    pub async fn next(&mut self) -> Call {
        match self.calls.recv().await {
            Some(call) => call,
            // The task never ends by itself.
            None => std::future::pending().await,
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
        let _gone = std::fs::remove_file(&self.path);
    }
}

async fn accept(listener: UnixListener, calls: mpsc::Sender<Call>) {
    let mut connections = JoinSet::new();
    loop {
        while connections.len() >= AT_A_TIME {
            connections.join_next().await;
        }
        match listener.accept().await {
            Ok((stream, _nameless)) => {
                connections.spawn(serve(stream, calls.clone()));
            }
            Err(error) => {
                warn!("cannot take a call: {error}");
                sleep_until((clock::now() + PAUSE).into()).await;
            }
        }
        while connections.try_join_next().is_some() {}
    }
}

async fn serve(mut stream: UnixStream, calls: mpsc::Sender<Call>) {
    let response = match timeout(PATIENCE, receive(&mut stream)).await {
        Ok(Ok(Some(request))) => match ask(request, &mut stream, &calls).await {
            Some(response) => response,
            None => return debug!("a caller has gone before the answer"),
        },
        Ok(Ok(None)) => return,
        Ok(Err(refused)) => Response::failed(refused),
        Err(_elapsed) => return debug!("a caller said nothing"),
    };
    let sent = async {
        // The checks of 20 000 servers are some megabytes: not on the agent's thread.
        let line = spawn_blocking(move || response.to_line()).await??;
        stream.write_all(&line).await?;
        stream.shutdown().await
    };
    match timeout(PATIENCE, sent).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => debug!("cannot answer a caller: {error}"),
        Err(_elapsed) => debug!("a caller does not take the answer"),
    }
}

/// The request; `None`: nothing was said. Or what is wrong with it.
async fn receive(stream: &mut UnixStream) -> Result<Option<Request>, String> {
    let caller = stream.peer_cred().map_err(|error| error.to_string())?;
    if caller.uid() != 0 && caller.uid() != nix::unistd::geteuid().as_raw() {
        return Err("only root may ask that".to_owned());
    }
    let limit = u64::try_from(MAX_REQUEST).unwrap_or(u64::MAX);
    let mut line = Vec::new();
    let mut reader = BufReader::new(stream).take(limit);
    let read = reader.read_until(b'\n', &mut line).await;
    let length = read.map_err(|error| error.to_string())?;
    if length == 0 {
        return Ok(None);
    }
    if line.last() != Some(&b'\n') {
        return Err("not understood: the request is cut off, or too long".to_owned());
    }
    let request = Request::parse(&line).map_err(|error| error.to_string())?;
    Ok(Some(request))
}

/// `None`: the caller hung up.
async fn ask(
    request: Request,
    stream: &mut UnixStream,
    calls: &mpsc::Sender<Call>,
) -> Option<Response> {
    let (reply, answer) = oneshot::channel();
    let answered = async {
        let call = Call { request, reply };
        if calls.send(call).await.is_err() {
            return Response::failed("the agent is on its way out");
        }
        answer
            .await
            .unwrap_or_else(|_| Response::failed("the agent stopped before it was done"))
    };
    let mut more = [0];
    tokio::select! {
        response = answered => Some(response),
        // A caller who has said everything says nothing more; the end of the stream is its end.
        _ = stream.read(&mut more) => None,
    }
}

#[cfg(test)]
mod tests;
