//! `SMTP_CHECK`: the greeting 220, `HELO` and 250, `QUIT`.
//!
//! No TLS and no mail, as in keepalived. The dialogue is pure (`Answer`); the time is here: each
//! read has `connect_timeout`, all of it [`super::ANSWER_TIMEOUTS`] times as much.

use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::connect::connect;
use super::{Failure, ProbeResult, answer_limit};
use crate::health::spec::{SmtpCheck, Target};

/// Bytes of one answer, all its lines together.
pub const MAX_ANSWER: usize = 16 * 1024;

/// What the server answers to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Step {
    /// The connection.
    Greeting,
    /// `HELO`.
    Helo,
}

impl Step {
    /// RFC 5321 section 4.3.2.
    const fn expected(self) -> &'static [u8] {
        match self {
            Self::Greeting => b"220",
            Self::Helo => b"250",
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Greeting => "Bad greeting banner",
            Self::Helo => "Bad HELO response",
        })
    }
}

/// Says hello and goodbye.
pub async fn probe(target: &Target, check: &SmtpCheck) -> ProbeResult {
    let mut stream = match connect(target).await {
        Ok(stream) => stream,
        Err(end) => return end,
    };
    let all = answer_limit(target);
    let mut received = 0;
    let talk = talk(&mut stream, check, target.connect_timeout, &mut received);
    match timeout(all, talk).await {
        Ok(Ok(())) => ProbeResult::Success,
        Ok(Err(failure)) => ProbeResult::Failed(failure),
        Err(_elapsed) => ProbeResult::Failed(Failure::TooSlow {
            limit: all,
            received,
        }),
    }
}

async fn talk(
    stream: &mut TcpStream,
    check: &SmtpCheck,
    limit: Duration,
    received: &mut u64,
) -> Result<(), Failure> {
    read_answer(stream, Step::Greeting, limit, received).await?;
    send(stream, &format!("HELO {}\r\n", check.helo_name), limit).await?;
    read_answer(stream, Step::Helo, limit, received).await?;
    send(stream, "QUIT\r\n", limit).await?;
    // Its answer proves nothing more, but a server that is reset in the middle of it complains.
    let mut goodbye = [0; 64];
    let _said = timeout(limit, stream.read(&mut goodbye)).await;
    Ok(())
}

async fn send(stream: &mut TcpStream, line: &str, limit: Duration) -> Result<(), Failure> {
    let sent = timeout(limit, stream.write_all(line.as_bytes())).await;
    sent.map_err(|_elapsed| Failure::NoAnswer(limit))?
        .map_err(|error| Failure::Send(error.to_string()))
}

/// `received` counts the bytes of all answers.
async fn read_answer(
    stream: &mut TcpStream,
    step: Step,
    limit: Duration,
    received: &mut u64,
) -> Result<(), Failure> {
    let mut answer = Answer::new(step);
    let mut chunk = [0; 1024];
    loop {
        let read = timeout(limit, stream.read(&mut chunk)).await;
        let read = read.map_err(|_elapsed| Failure::NoAnswer(limit))?;
        let count = read.map_err(|error| Failure::Read {
            cause: error.to_string(),
            received: answer.bytes.len() as u64,
        })?;
        *received = received.saturating_add(count as u64);
        match chunk.get(..count) {
            None | Some([]) => return Err(Failure::NoData),
            Some(data) if answer.handle_data(data)? => return Ok(()),
            Some(_more_to_come) => {}
        }
    }
}

/// One answer as it comes in, of one or several lines (RFC 5321 section 4.2.1).
#[derive(Debug)]
pub(super) struct Answer {
    step: Step,
    bytes: Vec<u8>,
}

impl Answer {
    pub(super) const fn new(step: Step) -> Self {
        Self {
            step,
            bytes: Vec::new(),
        }
    }

    /// The next bytes; whether the answer is complete, and good.
    pub(super) fn handle_data(&mut self, data: &[u8]) -> Result<bool, Failure> {
        self.bytes.extend_from_slice(data);
        let lines = self.bytes.split_inclusive(|&byte| byte == b'\n');
        for line in lines.filter(|line| line.ends_with(b"\n")) {
            if !line.starts_with(self.step.expected()) {
                return Err(Failure::Smtp {
                    step: self.step,
                    said: shortened(line),
                });
            }
            if line.get(3) != Some(&b'-') {
                return Ok(true);
            }
        }
        if self.bytes.len() > MAX_ANSWER {
            return Err(Failure::SmtpTooLong(self.step));
        }
        Ok(false)
    }
}

/// What is fit for a log line.
fn shortened(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(line);
    let text = text.trim_end().chars().take(80);
    text.map(|it| if it.is_control() { '?' } else { it })
        .collect()
}

#[cfg(test)]
mod tests;
