//! `UDP_CHECK`: a datagram that nobody says is unwelcome, or that gets the reply it must.
//!
//! Silence within `connect_timeout` is a success, unless `require_reply`.

use std::io;

use nix::sys::socket::{setsockopt, sockopt};
use tokio::net::UdpSocket;
use tokio::time::timeout;

use super::connect::connect_udp;
use super::{Failure, ProbeResult};
use crate::health::spec::{Target, UdpCheck};

/// What is sent without `payload`.
const PAYLOAD: [u8; 32] = *b"lb-agent UDP_CHECK lb-agent UDP_";

/// Sends the payload and listens.
pub async fn probe(target: &Target, check: &UdpCheck) -> ProbeResult {
    let socket = match connect_udp(target).await {
        Ok(socket) => socket,
        Err(end) => return end,
    };
    report_errors(target, &socket);
    let payload: &[u8] = match &check.payload[..] {
        [] => &PAYLOAD,
        given => given,
    };
    if let Err(error) = socket.send(payload).await {
        return ProbeResult::Failed(Failure::Send(error.to_string()));
    }
    let mut reply = vec![0; usize::from(check.max_reply_length).saturating_add(1)];
    let received = timeout(target.connect_timeout, socket.recv(&mut reply)).await;
    match received {
        Ok(Ok(length)) => judge(check, reply.get(..length).unwrap_or(&reply)),
        Ok(Err(error)) => ProbeResult::Failed(Failure::Connect(error.to_string())),
        Err(_elapsed) if check.require_reply.is_none() => ProbeResult::Success,
        Err(_elapsed) => ProbeResult::Failed(Failure::NoAnswer(target.connect_timeout)),
    }
}

/// Without this only a closed port is reported, not an unreachable host: ip(7), `IP_RECVERR`.
fn report_errors(target: &Target, socket: &UdpSocket) {
    let done = if target.connect_ip.is_ipv4() {
        setsockopt(socket, sockopt::Ipv4RecvErr, &true)
    } else {
        setsockopt(socket, sockopt::Ipv6RecvErr, &true)
    };
    if let Err(error) = done {
        let error = io::Error::from(error);
        tracing::debug!("ICMP errors are not all reported: {error}");
    }
}

fn judge(check: &UdpCheck, reply: &[u8]) -> ProbeResult {
    let Some(wanted) = &check.require_reply else {
        return ProbeResult::Success;
    };
    let lengths = usize::from(check.min_reply_length)..=usize::from(check.max_reply_length);
    if !lengths.contains(&reply.len()) {
        return ProbeResult::Failed(Failure::ReplyLength(reply.len()));
    }
    if !wanted.matches(reply) {
        return ProbeResult::Failed(Failure::ReplyMismatch);
    }
    ProbeResult::Success
}

#[cfg(test)]
mod tests;
