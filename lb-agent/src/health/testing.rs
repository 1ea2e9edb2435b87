//! What the tests of this folder share: configurations, and servers that misbehave.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use crate::config::model::{
    Checker, CheckerKind, Forwarding, HttpGet, Protocol, RealServer, RealServerKey, Scheduler,
    SorryServer, Url, VirtualServer, VirtualServerKey,
};

/// 192.168.0.1, TCP, port 80.
pub(crate) const VIP: VirtualServerKey = VirtualServerKey {
    address: IpAddr::V4(Ipv4Addr::new(192, 168, 0, 1)),
    port: 80,
    protocol: Protocol::Tcp,
};

/// 10.0.0.`host`, port 80.
pub(crate) fn server_key(host: u8) -> RealServerKey {
    RealServerKey {
        address: IpAddr::V4(Ipv4Addr::new(10, 0, 0, host)),
        port: 80,
    }
}

/// A checker of 10.0.0.2 with the values that the verdict's tests count in: loop 10 s, retries
/// after 1 s, time-out 5 s, no warm-up.
pub(crate) fn checker(kind: CheckerKind, retry: u32) -> Checker {
    Checker {
        connect_timeout: Duration::from_secs(5),
        retry,
        delay_before_retry: Duration::from_secs(1),
        delay_loop: Duration::from_secs(10),
        warmup: Duration::ZERO,
        ..Checker::new(kind, server_key(2).address, 80)
    }
}

/// `HTTP_GET` with a url for each path, status 200 to 299.
pub(crate) fn http(paths: &[&str]) -> CheckerKind {
    let urls = paths.iter().map(|path| Url::new(*path));
    CheckerKind::Http(HttpGet::new(urls.collect()))
}

/// A real server without checkers.
pub(crate) fn real_server(host: u8, weight: u32) -> RealServer {
    RealServer {
        weight,
        ..RealServer::new(server_key(host))
    }
}

/// [`VIP`] with these servers; `sorry` is the host of 10.0.0.0/24 that says sorry.
pub(crate) fn virtual_server(real_servers: Vec<RealServer>, sorry: Option<u8>) -> VirtualServer {
    VirtualServer {
        lb_algo: Scheduler::Rr,
        lb_kind: Forwarding::Dr,
        sorry_server: sorry.map(|host| {
            let RealServerKey { address, port } = server_key(host);
            SorryServer { address, port }
        }),
        real_servers,
        ..VirtualServer::new(VIP)
    }
}

/// A listener on 127.0.0.1 that gives every connection to `behave`; it ends with the test.
pub(crate) struct TestServer {
    pub(crate) address: SocketAddr,
    _tasks: JoinSet<()>,
}

impl TestServer {
    pub(crate) async fn start<F, B>(behave: F) -> Self
    where
        F: Fn(TcpStream) -> B + Send + 'static,
        B: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let mut tasks = JoinSet::new();
        tasks.spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                connections.spawn(behave(stream));
            }
        });
        Self {
            address,
            _tasks: tasks,
        }
    }

    /// A checker of this server that gives up after `connect_timeout`.
    pub(crate) fn checker(&self, kind: CheckerKind, connect_timeout: Duration) -> Checker {
        Checker {
            connect_ip: self.address.ip(),
            connect_port: self.address.port(),
            connect_timeout,
            ..checker(kind, 0)
        }
    }
}

/// Reads a request to the empty line; what came.
pub(crate) async fn read_request(stream: &mut TcpStream) -> String {
    let mut request = Vec::new();
    let mut byte = [0; 1];
    while !request.ends_with(b"\r\n\r\n") && stream.read(&mut byte).await.unwrap_or(0) == 1 {
        request.extend_from_slice(&byte);
    }
    String::from_utf8(request).unwrap()
}
