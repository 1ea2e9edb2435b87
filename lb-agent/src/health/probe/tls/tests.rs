use std::sync::Mutex;
use std::time::Duration;

use rustls::{HandshakeKind, ServerConfig};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;

use super::*;
use crate::health::probe::{Failure, ProbeResult, probe};
use crate::health::spec::{HttpGet, HttpProtocol, Kind, SslGet, Url};
use crate::health::testing::{TestServer, read_request};

const PATIENCE: Duration = Duration::from_mins(1);
const LIMIT: Duration = Duration::from_millis(200);

fn file(name: &str) -> PathBuf {
    PathBuf::from(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/src/health/probe/tls/testdata"
    ))
    .join(name)
}

fn client(ca: Option<&str>) -> TlsClient {
    let settings = TlsSettings {
        ca: ca.map(file),
        ..TlsSettings::default()
    };
    TlsClient::new(&settings).unwrap()
}

/// `SSL_GET` of `/` at www.example.org.
fn ssl_get(ca: Option<&str>, enable_sni: bool, tls_compliant: bool) -> SslGet {
    let url = Url {
        virtualhost: Some("www.example.org:8443".to_owned()),
        tls_compliant,
        ..Url::new("/")
    };
    SslGet {
        get: HttpGet {
            urls: vec![url],
            http_protocol: HttpProtocol::V1_1,
            fast_recovery: false,
        },
        enable_sni,
        sni_name: None,
        tls: Arc::new(client(ca)),
    }
}

/// A web server over TLS that remembers the name it is called by, and ends with `close_notify` or
/// without.
async fn server(polite: bool) -> (TestServer, Arc<Mutex<Vec<Option<String>>>>) {
    let (server, names, _) = counting_server(polite).await;
    (server, names)
}

type Seen<T> = Arc<Mutex<Vec<T>>>;

/// The same; it also remembers how hands were shaken.
async fn counting_server(
    polite: bool,
) -> (
    TestServer,
    Seen<Option<String>>,
    Seen<Option<HandshakeKind>>,
) {
    let certificates = chain("certificate", &file("server.pem")).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(certificates, own_key(&file("server.key")).unwrap())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let names = Arc::new(Mutex::new(Vec::new()));
    let (seen, kinds) = (Arc::clone(&names), Arc::new(Mutex::new(Vec::new())));
    let seen_kinds = Arc::clone(&kinds);
    let server = TestServer::start(move |stream| {
        let (acceptor, seen) = (acceptor.clone(), Arc::clone(&seen));
        let kinds = Arc::clone(&seen_kinds);
        async move {
            let Ok(mut stream) = acceptor.accept(stream).await else {
                return;
            };
            let name = stream.get_ref().1.server_name().map(str::to_owned);
            seen.lock().unwrap().push(name);
            kinds
                .lock()
                .unwrap()
                .push(stream.get_ref().1.handshake_kind());
            let mut request = [0; 4096];
            assert!(stream.read(&mut request).await.unwrap() > 0);
            stream
                .write_all(b"HTTP/1.1 200 OK\r\n\r\nhello")
                .await
                .unwrap();
            stream.flush().await.unwrap();
            if polite {
                stream.shutdown().await.ok();
            }
        }
    })
    .await;
    (server, names, kinds)
}

/// A session that is resumed shows no certificate, which may have expired meanwhile.
#[tokio::test]
async fn each_probe_sees_the_certificate() {
    let (server, _, kinds) = counting_server(true).await;
    let ssl = ssl_get(Some("ca.pem"), true, true);
    for _ in 0..3 {
        let result = ask(&server, ssl.clone(), PATIENCE).await;
        assert_eq!(result, ProbeResult::Success);
    }
    let full = |kind: &Option<HandshakeKind>| {
        matches!(
            kind,
            Some(HandshakeKind::Full | HandshakeKind::FullWithHelloRetryRequest)
        )
    };
    let kinds = kinds.lock().unwrap();
    assert!(kinds.len() == 3 && kinds.iter().all(full), "{kinds:?}");
}

async fn ask(server: &TestServer, ssl: SslGet, limit: Duration) -> ProbeResult {
    probe(&server.question(Kind::Ssl(ssl), limit), 0).await
}

#[tokio::test]
async fn any_certificate_will_do_without_ca() {
    let (server, names) = server(true).await;
    let result = ask(&server, ssl_get(None, false, true), PATIENCE).await;
    assert_eq!(result, ProbeResult::Success);
    assert_eq!(*names.lock().unwrap(), [None], "no name without enable_sni");
}

#[tokio::test]
async fn enable_sni_names_the_virtualhost_and_sni_name_another() {
    let (server, names) = server(true).await;
    let named = SslGet {
        sni_name: Some("other.example.org".to_owned()),
        ..ssl_get(None, false, true)
    };
    ask(&server, ssl_get(None, true, true), PATIENCE).await;
    ask(&server, named, PATIENCE).await;
    let expected = ["www.example.org", "other.example.org"].map(|it| Some(it.to_owned()));
    assert_eq!(*names.lock().unwrap(), expected);
}

#[tokio::test]
async fn with_ca_the_chain_must_lead_there_whatever_the_name() {
    let (server, _) = server(true).await;
    let result = ask(&server, ssl_get(Some("ca.pem"), false, true), PATIENCE).await;
    assert_eq!(result, ProbeResult::Success, "asked for by its address");
    let result = ask(&server, ssl_get(Some("other-ca.pem"), true, true), PATIENCE).await;
    let reason = "the server's certificate does not lead to `ca`".to_owned();
    assert_eq!(result, ProbeResult::Failed(Failure::Handshake(reason)));
}

#[tokio::test]
async fn an_end_without_a_word_is_an_error_for_tls_compliant_only() {
    let (server, _) = server(false).await;
    let result = ask(&server, ssl_get(None, false, false), PATIENCE).await;
    assert_eq!(result, ProbeResult::Success);
    let result = ask(&server, ssl_get(None, false, true), PATIENCE).await;
    assert!(
        matches!(result, ProbeResult::Failed(Failure::Read { .. })),
        "{result:?}"
    );
}

/// Asks a server that sends `bytes` after the client's hello and closes.
async fn answered(bytes: &'static [u8]) -> String {
    let server = TestServer::start(move |mut stream| async move {
        let mut hello = [0; 4096];
        assert!(stream.read(&mut hello).await.unwrap() > 0);
        stream.write_all(bytes).await.ok();
    })
    .await;
    match ask(&server, ssl_get(None, false, false), PATIENCE).await {
        ProbeResult::Failed(Failure::Handshake(reason)) => reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn what_cannot_shake_hands_is_said_in_words() {
    let old = "the server speaks nothing newer than TLS 1.1; TLS 1.2 or 1.3 is needed";
    // The alert `protocol_version`, as a server of TLS 1.0 sends it.
    assert_eq!(answered(b"\x15\x03\x01\x00\x02\x02\x46").await, old);
    let hello = answered(
        b"\x16\x03\x01\x00\x2a\x02\x00\x00\x26\x03\x0101234567890123456789012345678901\x00\x00\x2f\x00",
    )
    .await;
    assert_eq!(hello, old, "a hello of TLS 1.0");
    assert_eq!(
        answered(b"HTTP/1.1 400 Bad Request\r\n\r\n").await,
        "what the server speaks is not TLS"
    );
    assert_eq!(
        answered(b"").await,
        "the server closed the connection within the handshake"
    );
}

#[tokio::test]
async fn a_handshake_that_hangs_times_out() {
    let server = TestServer::start(|mut stream| async move {
        read_raw(&mut stream).await;
    })
    .await;
    let result = ask(&server, ssl_get(None, false, false), LIMIT).await;
    assert_eq!(
        result,
        ProbeResult::Failed(Failure::HandshakeTimeout(LIMIT))
    );
}

/// Reads and says nothing.
async fn read_raw(stream: &mut TcpStream) {
    let mut bytes = [0; 4096];
    while stream.read(&mut bytes).await.unwrap_or(0) > 0 {}
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let unusable = |settings| TlsClient::new(&settings).err().unwrap().to_string();
    let missing = TlsSettings {
        ca: Some("/nonexistent/ca.pem".into()),
        ..TlsSettings::default()
    };
    assert_eq!(
        unusable(missing),
        "SSL: `ca /nonexistent/ca.pem` cannot be used"
    );
    let half = TlsSettings {
        key: Some(file("server.key")),
        ..TlsSettings::default()
    };
    assert_eq!(
        unusable(half),
        "SSL: `certificate` and `key` are of no use without each other"
    );
    let empty = TlsSettings {
        ca: Some(file("server.key")),
        ..TlsSettings::default()
    };
    assert_eq!(unusable(empty), "SSL: `ca` has no usable certificate");
}

#[tokio::test]
async fn a_plain_request_to_a_tls_server_is_not_http() {
    let server = TestServer::start(|mut stream| async move {
        read_request(&mut stream).await;
        stream.write_all(b"\x15\x03\x01\x00\x02\x02\x46").await.ok();
    })
    .await;
    let SslGet { get, .. } = ssl_get(None, false, false);
    let result = probe(&server.question(Kind::Http(get), PATIENCE), 0).await;
    assert!(
        matches!(result, ProbeResult::Failed(Failure::NotHttp(_))),
        "{result:?}"
    );
}
