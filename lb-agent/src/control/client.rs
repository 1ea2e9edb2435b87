//! The command's end of the socket. Blocking: a command has nothing else to do.

use std::io::{self, Read as _, Write as _};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use thiserror::Error;

use super::SOCKET;
use super::protocol::{MAX_RESPONSE, Request, Response, VERSION};
use crate::runtime::status::StatusFile;

/// How long the agent may take to hear a request.
const PATIENCE: Duration = Duration::from_secs(5);

/// Why there is no response.
#[derive(Debug, Error)]
pub enum CallError {
    /// Nobody listens.
    #[error("no agent called \"{instance}\" runs here; `lb-agent run --config FILE` starts one")]
    NoAgent {
        /// The name.
        instance: String,
    },
    /// The socket is not ours.
    #[error("only root may tell the agent called \"{instance}\" what to do")]
    Permission {
        /// The name.
        instance: String,
    },
    /// It took too long.
    #[error("the agent does not answer within {} s; its log may say why", .0.as_secs())]
    Silent(Duration),
    /// It hung up.
    #[error("the agent ended before it answered; its log may say why")]
    Ended,
    /// It answered something else.
    #[error("the answer of the agent is not understood: {0}; is it another version?")]
    Answer(String),
    /// Something else.
    #[error("cannot talk to the agent: {0}")]
    Io(#[source] io::Error),
}

/// Calls the agent called `instance`, and waits for the response for at most `limit`.
pub fn call(instance: &str, request: &Request, limit: Duration) -> Result<Response, CallError> {
    let path = StatusFile::new(instance).folder().join(SOCKET);
    let instance = || instance.to_owned();
    call_at(&path, request, limit).map_err(|error| match error {
        CallError::Io(error) => match error.kind() {
            // A socket that nobody listens on was left by an agent that died.
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => CallError::NoAgent {
                instance: instance(),
            },
            io::ErrorKind::PermissionDenied => CallError::Permission {
                instance: instance(),
            },
            _other => CallError::Io(error),
        },
        CallError::NoAgent { .. }
        | CallError::Permission { .. }
        | CallError::Silent(_)
        | CallError::Ended
        | CallError::Answer(_) => error,
    })
}

/// The same, by the path of the socket.
pub(super) fn call_at(
    path: &Path,
    request: &Request,
    limit: Duration,
) -> Result<Response, CallError> {
    let line = request
        .to_line()
        .map_err(|error| CallError::Io(error.into()))?;
    let mut stream = UnixStream::connect(path).map_err(CallError::Io)?;
    let timed = |error: io::Error, limit| match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => CallError::Silent(limit),
        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => CallError::Ended,
        _other => CallError::Io(error),
    };
    stream
        .set_write_timeout(Some(PATIENCE))
        .and_then(|()| stream.set_read_timeout(Some(limit)))
        .map_err(CallError::Io)?;
    stream
        .write_all(&line)
        .map_err(|error| timed(error, PATIENCE))?;
    let most = u64::try_from(MAX_RESPONSE).unwrap_or(u64::MAX);
    let mut answer = Vec::new();
    stream
        .take(most)
        .read_to_end(&mut answer)
        .map_err(|error| timed(error, limit))?;
    if answer.is_empty() {
        return Err(CallError::Ended);
    }
    let response: Response =
        serde_json::from_slice(&answer).map_err(|error| CallError::Answer(error.to_string()))?;
    if response.version == VERSION {
        Ok(response)
    } else {
        let version = response.version;
        Err(CallError::Answer(format!("version {version}")))
    }
}
