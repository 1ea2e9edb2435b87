use super::*;

fn endpoint(address: &str, port: u16) -> Endpoint {
    Endpoint {
        address: address.parse().unwrap(),
        port,
    }
}

#[test]
fn addresses_of_both_families_are_read_with_and_without_a_port() {
    for (text, address, port) in [
        ("192.0.2.1", "192.0.2.1", None),
        ("192.0.2.1:80", "192.0.2.1", Some(80)),
        ("2001:db8::1", "2001:db8::1", None),
        ("[2001:db8::1]", "2001:db8::1", None),
        ("[2001:db8::1]:80", "2001:db8::1", Some(80)),
    ] {
        let address = address.parse().unwrap();
        assert_eq!(text.parse(), Ok(Vip { address, port }), "{text}");
    }
}

#[test]
fn what_is_no_address_is_refused_with_what_to_write() {
    for text in [
        "",
        "example.org",
        "192.0.2.1:",
        "192.0.2.1:http",
        "192.0.2.1:99999",
        "[192.0.2",
    ] {
        let error = text.parse::<Vip>().unwrap_err().to_string();
        assert!(
            error.starts_with(&format!("`{text}` is no virtual address; write ")),
            "{error}"
        );
    }
}

#[test]
fn a_port_that_is_not_given_matches_every_port() {
    let any: Vip = "192.0.2.1".parse().unwrap();
    let one: Vip = "192.0.2.1:80".parse().unwrap();
    for (port, by_one) in [(80, true), (443, false)] {
        assert!(any.matches(&endpoint("192.0.2.1", port)));
        assert_eq!(one.matches(&endpoint("192.0.2.1", port)), by_one);
    }
    assert!(!any.matches(&endpoint("192.0.2.2", 80)));
}
