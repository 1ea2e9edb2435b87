use std::net::Ipv4Addr;

use super::*;

#[test]
fn whole_numbers_have_digits_only_and_a_range() {
    assert_eq!(integer("1", &(1..=255u8)), Ok(1));
    assert_eq!(integer("255", &(1..=255u8)), Ok(255));
    assert_eq!(integer("007", &(1..=255u8)), Ok(7));
    assert_eq!(integer("+7", &(1..=255u8)), Ok(7));
    for bad in [
        "0",
        "256",
        "-1",
        "0x10",
        "++1",
        "1.0",
        "",
        " 1",
        "1a",
        "99999999999999999999999",
    ] {
        let expected = Err("a whole number from 1 to 255".to_owned());
        assert_eq!(integer(bad, &(1..=255u8)), expected, "{bad:?}");
    }
}

#[test]
fn names_of_dns_have_labels() {
    for good in [
        ".",
        "a",
        "example.org",
        "example.org.",
        "_sip._tcp.example.org",
    ] {
        assert_eq!(domain(good).as_deref(), Ok(good));
    }
    let long = "a".repeat(64);
    for bad in ["", "..", "a..b", ".a", &long, &"a.".repeat(128)] {
        assert!(domain(bad).is_err(), "{bad}");
    }
}

#[test]
fn seconds_have_up_to_six_digits_behind_the_point() {
    let range = Duration::ZERO..=Duration::from_secs(1000);
    for (text, micros) in [
        ("0", 0),
        ("5", 5_000_000),
        ("0.5", 500_000),
        (".25", 250_000),
        ("1.000001", 1_000_001),
    ] {
        assert_eq!(
            seconds(text, &range),
            Ok(Duration::from_micros(micros)),
            "{text}"
        );
    }
    for bad in [
        "",
        ".",
        "1.",
        "-1",
        "1.0000001",
        "1e3",
        "1001",
        "1s",
        "18446744073709551615.9",
    ] {
        assert!(seconds(bad, &range).is_err(), "{bad:?}");
    }
    let shortest = Duration::from_micros(1)..=Duration::from_secs(10);
    assert_eq!(
        seconds("0", &shortest),
        Err("a time from 0.000001 to 10 seconds, like `5` or `0.5`".to_owned())
    );
}

#[test]
fn switches_are_six_words_in_small_letters() {
    assert_eq!(switch("yes"), Ok(true));
    assert_eq!(switch("off"), Ok(false));
    assert!(switch("ON").is_err() && switch("1").is_err());
}

#[test]
fn netmasks_are_dotted_or_a_length() {
    assert_eq!(
        netmask4("255.255.255.0"),
        Ok(Ipv4Addr::new(255, 255, 255, 0))
    );
    assert_eq!(netmask4("24"), Ok(Ipv4Addr::new(255, 255, 255, 0)));
    assert_eq!(netmask4("255.255.255.255"), Ok(Ipv4Addr::BROADCAST));
    for bad in ["0", "33", "0.0.0.0", "255.0.255.0", "x"] {
        assert!(netmask4(bad).is_err(), "{bad}");
    }
}

#[test]
fn addresses_of_hosts_are_neither_groups_nor_nothing() {
    assert_eq!(
        address_with_prefix("10.0.0.1"),
        Ok("10.0.0.1/32".parse().unwrap())
    );
    assert_eq!(
        address_with_prefix("10.0.0.1/24"),
        Ok("10.0.0.1/24".parse().unwrap())
    );
    assert_eq!(
        address_with_prefix("fe80::1"),
        Ok("fe80::1/128".parse().unwrap())
    );
    for bad in [
        "10.0.0.300",
        "10.0.0.1/33",
        "10.0.0.1/",
        "fe80::1/129",
        "224.0.0.1",
        "0.0.0.0",
        "::",
    ] {
        assert!(address_with_prefix(bad).is_err(), "{bad}");
    }
    assert!(multicast4("230.0.0.0").is_ok() && multicast4("10.0.0.1").is_err());
}

#[test]
fn interfaces_have_names_that_the_kernel_allows() {
    for good in ["eth0", "eth0.100", "bond-0", "a23456789012345"] {
        assert!(interface(good).is_ok(), "{good}");
    }
    for bad in ["", ".", "..", "a/b", "eth0:1", "a b", "a234567890123456"] {
        assert!(interface(bad).is_err(), "{bad}");
    }
}
