//! The request that `HTTP_GET` and `SSL_GET` send. Pure.

use std::net::{IpAddr, SocketAddr};

use crate::health::spec::{HttpProtocol, Target, Url};

/// The port that a `Host` field leaves out for `http` (RFC 9110 section 4.2.1).
pub const DEFAULT_PORT: u16 = 80;
/// The same for `https` (section 4.2.2).
pub const DEFAULT_TLS_PORT: u16 = 443;

/// The whole request, in keepalived's order of fields. `Host` is `virtualhost` as it stands, else
/// the address that the probe connects to and its port.
#[must_use]
pub fn request(
    target: &Target,
    http_protocol: HttpProtocol,
    url: &Url,
    default_port: u16,
) -> String {
    let (version, connection) = match http_protocol {
        HttpProtocol::V1_0 => ("1.0", ""),
        HttpProtocol::V1_0Close => ("1.0", "Connection: close\r\n"),
        HttpProtocol::V1_1 => ("1.1", "Connection: close\r\n"),
    };
    let host = url.virtualhost.clone();
    let host = host.unwrap_or_else(|| host_of(target, default_port));
    let path = &url.path;
    format!(
        "GET {path} HTTP/{version}\r\nUser-Agent: KeepAliveClient\r\n{connection}Host: {host}\r\n\r\n"
    )
}

fn host_of(target: &Target, default_port: u16) -> String {
    match (target.connect_ip, target.connect_port) {
        (IpAddr::V4(address), port) if port == default_port => address.to_string(),
        (IpAddr::V6(address), port) if port == default_port => format!("[{address}]"),
        (address, port) => SocketAddr::new(address, port).to_string(),
    }
}

#[cfg(test)]
mod tests;
