//! `DNS_CHECK`: one question over UDP; an answer without an error is a success.
//!
//! The socket and the time are here, the message is pure: [`query`] and [`read_answer`].

use tokio::time::timeout;

use super::connect::connect_udp;
use super::{Failure, NotProbed, ProbeResult};
use crate::health::spec::{DnsCheck, Target};

/// Bytes of a message's header (RFC 1035 section 4.1.1).
const HEADER: usize = 12;

/// Recursion desired, in the second pair of bytes.
const RD: u16 = 0x0100;

/// `IN` (RFC 1035 section 3.2.4).
const CLASS_IN: u16 = 1;

/// Bytes of a label, and of a name with its lengths (RFC 1035 section 2.3.4).
const MAX_LABEL: usize = 63;
const MAX_NAME: usize = 255;

/// Asks for `name` and waits for the answer, `connect_timeout` in all.
pub async fn probe(target: &Target, check: &DnsCheck) -> ProbeResult {
    let id = super::icmp::any_number();
    let Some(query) = query(check, id) else {
        return ProbeResult::NotProbed(NotProbed::DnsName(check.name.clone()));
    };
    let limit = target.connect_timeout;
    let socket = match connect_udp(target).await {
        Ok(socket) => socket,
        Err(end) => return end,
    };
    let exchange = async {
        let sent = socket.send(&query).await;
        sent.map_err(|error| Failure::Send(error.to_string()))?;
        let mut answer = [0; 512];
        loop {
            let read = socket.recv(&mut answer).await;
            let length = read.map_err(|error| Failure::Connect(error.to_string()))?;
            match read_answer(answer.get(..length).unwrap_or(&answer), id) {
                None => {}
                Some(0) => return Ok(()),
                Some(rcode) => return Err(Failure::Rcode(rcode)),
            }
        }
    };
    match timeout(limit, exchange).await {
        Ok(Ok(())) => ProbeResult::Success,
        Ok(Err(failure)) => ProbeResult::Failed(failure),
        Err(_elapsed) => ProbeResult::Failed(Failure::NoAnswer(limit)),
    }
}

/// The message that asks, RFC 1035 section 4; `None` when the name is none.
#[must_use]
pub fn query(check: &DnsCheck, id: u16) -> Option<Vec<u8>> {
    let mut message = Vec::with_capacity(HEADER + MAX_NAME);
    for field in [id, RD, 1, 0, 0, 0] {
        message.extend(field.to_be_bytes());
    }
    let name = check.name.strip_suffix('.').unwrap_or(&check.name);
    let labels = name.split('.').filter(|_| !name.is_empty());
    for label in labels {
        let length = u8::try_from(label.len()).ok()?;
        if label.is_empty() || label.len() > MAX_LABEL {
            return None;
        }
        message.push(length);
        message.extend(label.bytes());
    }
    message.push(0);
    if message.len() > HEADER.saturating_add(MAX_NAME) {
        return None;
    }
    message.extend(check.kind.number().to_be_bytes());
    message.extend(CLASS_IN.to_be_bytes());
    Some(message)
}

/// The rcode of the answer to `id`; `None` when the message is something else.
#[must_use]
pub fn read_answer(message: &[u8], id: u16) -> Option<u8> {
    let &[first, second, flags, rcode, ..] = message.get(..HEADER)? else {
        return None;
    };
    let answers = u16::from_be_bytes([first, second]) == id && flags & 0x80 != 0;
    answers.then_some(rcode & 0x0f)
}

#[cfg(test)]
mod tests;
