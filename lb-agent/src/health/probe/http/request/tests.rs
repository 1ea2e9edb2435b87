use super::*;

fn url(virtualhost: Option<&str>) -> Url {
    Url {
        virtualhost: virtualhost.map(str::to_owned),
        ..Url::new("/health?deep=1")
    }
}

#[track_caller]
fn check(address: &str, http_protocol: HttpProtocol, virtualhost: Option<&str>, expect: &str) {
    let target = Target::new(address.parse().unwrap());
    let request = request(&target, http_protocol, &url(virtualhost), DEFAULT_PORT);
    assert_eq!(request, expect);
}

#[test]
fn the_request_is_keepalived_s() {
    check(
        "10.0.0.2:8080",
        HttpProtocol::V1_0,
        None,
        "GET /health?deep=1 HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: 10.0.0.2:8080\r\n\r\n",
    );
}

#[test]
fn connection_close_comes_with_the_other_protocols() {
    check(
        "10.0.0.2:8080",
        HttpProtocol::V1_0Close,
        None,
        "GET /health?deep=1 HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nConnection: close\r\nHost: 10.0.0.2:8080\r\n\r\n",
    );
    check(
        "10.0.0.2:8080",
        HttpProtocol::V1_1,
        None,
        "GET /health?deep=1 HTTP/1.1\r\nUser-Agent: KeepAliveClient\r\nConnection: close\r\nHost: 10.0.0.2:8080\r\n\r\n",
    );
}

#[test]
fn host_is_the_virtualhost_as_it_stands() {
    check(
        "10.0.0.2:8080",
        HttpProtocol::V1_0,
        Some("www.example.org"),
        "GET /health?deep=1 HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\nHost: www.example.org\r\n\r\n",
    );
}

#[test]
fn host_has_no_default_port_and_brackets_v6() {
    let head = "GET /health?deep=1 HTTP/1.0\r\nUser-Agent: KeepAliveClient\r\n";
    for (address, host) in [
        ("10.0.0.2:80", "10.0.0.2"),
        ("[fd00::2]:80", "[fd00::2]"),
        ("[fd00::2]:8080", "[fd00::2]:8080"),
    ] {
        check(
            address,
            HttpProtocol::V1_0,
            None,
            &format!("{head}Host: {host}\r\n\r\n"),
        );
    }
}
