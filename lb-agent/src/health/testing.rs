//! What the tests of this folder share: configurations, and servers that misbehave.

use std::collections::BTreeSet;
use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;

use super::spec::{
    Check, HttpGet, HttpProtocol, Kind, PoolRules, Question, Server, Service, Target, Url,
};
use crate::config::model::{AddressKey, Protocol, RealServerKey, VirtualServerKey};

/// 192.168.0.1, TCP, port 80.
pub(crate) const VIP: VirtualServerKey = VirtualServerKey::Address(VIP_ADDRESS);

/// What [`VIP`] is.
pub(crate) const VIP_ADDRESS: AddressKey = AddressKey {
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
pub(crate) fn checker(kind: Kind, retry: u32) -> Check {
    let address = SocketAddr::new(server_key(2).address, 80);
    Check {
        question: Question {
            target: Target::new(address),
            kind,
        },
        retry,
        delay_before_retry: Duration::from_secs(1),
        delay_loop: Duration::from_secs(10),
        warmup: Duration::ZERO,
        alpha: false,
        log_all_failures: false,
    }
}

/// `HTTP_GET` with a url for each path, status 200 to 299.
pub(crate) fn http(paths: &[&str]) -> Kind {
    Kind::Http(HttpGet {
        urls: paths.iter().map(|path| Url::new(path)).collect(),
        http_protocol: HttpProtocol::V1_0,
        fast_recovery: false,
    })
}

/// A real server without checkers.
pub(crate) fn real_server(host: u8, weight: u32) -> Server {
    Server {
        key: server_key(host),
        weight,
        inhibit_on_failure: false,
        checks: Vec::new(),
    }
}

/// [`VIP`] with these servers; `sorry` is the host of 10.0.0.0/24 that says sorry.
pub(crate) fn virtual_server(servers: Vec<Server>, sorry: Option<u8>) -> Service {
    Service {
        key: VIP,
        ha_suspend: BTreeSet::new(),
        rules: PoolRules {
            sorry_server: sorry.map(server_key),
            ..PoolRules::default()
        },
        servers,
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

    /// What a checker asks of this server, that gives up after `connect_timeout`.
    pub(crate) fn question(&self, kind: Kind, connect_timeout: Duration) -> Question {
        let target = Target {
            connect_timeout,
            ..Target::new(self.address)
        };
        Question { target, kind }
    }

    /// A checker of this server that gives up after `connect_timeout`.
    pub(crate) fn checker(&self, kind: Kind, connect_timeout: Duration) -> Check {
        Check {
            question: self.question(kind, connect_timeout),
            ..checker(Kind::Tcp, 0)
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
