//! Requests and responses. Pure.
//!
//! Private to one version of the agent: programs call `lb-agent`, not the socket. So another
//! version is refused in words, never guessed at.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::observe::model::{CheckView, PunctualityView};

/// What this program speaks.
pub const VERSION: u32 = 1;

/// The longest request, bytes, with its line feed.
pub const MAX_REQUEST: usize = 4096;

/// The longest text of a response, bytes; more of a configuration's remarks nobody reads.
pub const MAX_TEXT: usize = 256 * 1024;

/// The longest response, bytes: the checks of a hundred times 65 535 servers are shorter, and every
/// byte of the text may take six.
pub const MAX_RESPONSE: usize = 4 << 30;

/// What is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Read the configuration again and go on with it, if it can be used.
    Reload,
    /// No new connections for a real server.
    Drain(Server),
    /// What was set by hand counts no longer.
    Enable(Server),
    /// This weight, whatever the configuration and the checks say.
    Weight {
        /// Which one.
        #[serde(flatten)]
        server: Server,
        /// As the keyword: 0–65535.
        weight: u32,
    },
    /// Check all servers now, those of a virtual server, or one of them.
    CheckNow {
        /// As [`Server::virtual_server`].
        virtual_server: Option<String>,
        /// As [`Server::real_server`].
        real_server: Option<String>,
    },
    /// What every checker holds of its server.
    Checks,
}

/// A real server of a virtual server, in the operator's words ([`super::target`]).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Server {
    /// The virtual server.
    pub virtual_server: String,
    /// The real server.
    pub real_server: String,
}

/// What has come of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Response {
    /// [`VERSION`].
    pub version: u32,
    /// Of the command: 0, it was done.
    pub exit_status: u8,
    /// For the operator; may be empty.
    pub text: String,
    /// The answer to [`Request::Checks`], in the order of the configuration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checks: Option<Vec<CheckView>>,
    /// How punctual their probes are, with `checks`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub punctuality: Option<PunctualityView>,
}

/// A request that cannot be answered.
#[derive(Debug, Error)]
pub enum Rejected {
    /// It is no request of any version.
    #[error("not understood: {0}")]
    Malformed(#[from] serde_json::Error),
    /// It is of another version.
    #[error(
        "the command speaks version {theirs} of the control protocol, the agent {VERSION}: use the \
         `lb-agent` that the agent was started from"
    )]
    Version {
        /// That one.
        theirs: u32,
    },
}

#[derive(Serialize)]
struct Envelope<'a> {
    version: u32,
    #[serde(flatten)]
    request: &'a Request,
}

#[derive(Deserialize)]
struct Head {
    version: u32,
}

impl Request {
    /// The line that says it.
    pub fn to_line(&self) -> Result<Vec<u8>, serde_json::Error> {
        to_line(&Envelope {
            version: VERSION,
            request: self,
        })
    }

    /// What a line says.
    pub fn parse(line: &[u8]) -> Result<Self, Rejected> {
        let Head { version } = serde_json::from_slice(line)?;
        if version != VERSION {
            return Err(Rejected::Version { theirs: version });
        }
        let mut value: serde_json::Value = serde_json::from_slice(line)?;
        if let Some(fields) = value.as_object_mut() {
            fields.remove("version");
        }
        Ok(serde_json::from_value(value)?)
    }
}

impl Response {
    /// It was done.
    pub fn done(text: impl Into<String>) -> Self {
        Self::with_status(0, text)
    }

    /// It was not.
    pub fn failed(text: impl Into<String>) -> Self {
        Self::with_status(1, text)
    }

    /// With an exit status of its own. A text that is too long is cut, and says so.
    pub fn with_status(exit_status: u8, text: impl Into<String>) -> Self {
        let mut text = text.into();
        if text.len() > MAX_TEXT {
            const CUT: &str = "\n… (`lb-agent check` shows all)";
            text.truncate(text.floor_char_boundary(MAX_TEXT - CUT.len()));
            text.push_str(CUT);
        }
        Self {
            version: VERSION,
            exit_status,
            text,
            checks: None,
            punctuality: None,
        }
    }

    /// What the checkers hold, and how punctual they are.
    pub fn with_checks(checks: Vec<CheckView>, punctuality: PunctualityView) -> Self {
        Self {
            checks: Some(checks),
            punctuality: Some(punctuality),
            ..Self::done("")
        }
    }

    /// The line that says it.
    pub fn to_line(&self) -> Result<Vec<u8>, serde_json::Error> {
        to_line(self)
    }
}

fn to_line(value: &impl Serialize) -> Result<Vec<u8>, serde_json::Error> {
    let mut line = serde_json::to_vec(value)?;
    line.push(b'\n');
    Ok(line)
}

#[cfg(test)]
mod tests;
