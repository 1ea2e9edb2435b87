//! The request that `HTTP_GET` sends. Pure.

use std::net::{IpAddr, SocketAddr};

use crate::config::model::{Checker, HttpProtocol, Url};

/// The port that a `Host` field leaves out for `http` (RFC 9110 section 4.2.1).
const DEFAULT_PORT: u16 = 80;

/// The whole request, in keepalived's order of fields. `Host` is `virtualhost` as it stands, else
/// the address that the probe connects to and its port.
#[must_use]
pub fn request(checker: &Checker, http_protocol: HttpProtocol, url: &Url) -> String {
    let (version, connection) = match http_protocol {
        HttpProtocol::V1_0 => ("1.0", ""),
        HttpProtocol::V1_0Close => ("1.0", "Connection: close\r\n"),
        HttpProtocol::V1_1 => ("1.1", "Connection: close\r\n"),
    };
    let host = url.virtualhost.clone().unwrap_or_else(|| host(checker));
    let path = &url.path;
    format!(
        "GET {path} HTTP/{version}\r\nUser-Agent: KeepAliveClient\r\n{connection}Host: {host}\r\n\r\n"
    )
}

fn host(checker: &Checker) -> String {
    match (checker.connect_ip, checker.connect_port) {
        (IpAddr::V4(address), DEFAULT_PORT) => address.to_string(),
        (IpAddr::V6(address), DEFAULT_PORT) => format!("[{address}]"),
        (address, port) => SocketAddr::new(address, port).to_string(),
    }
}

#[cfg(test)]
mod tests;
