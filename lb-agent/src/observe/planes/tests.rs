use super::*;

fn view(virtual_server: &str, plane: Carrier, reasons: &[&str]) -> CarrierView {
    CarrierView {
        virtual_server: virtual_server.to_owned(),
        plane,
        reasons: reasons.iter().map(|it| (*it).to_owned()).collect(),
    }
}

#[test]
fn only_what_xdp_does_not_carry_as_it_should_has_a_line() {
    let plain = view("[192.0.2.1]:tcp:80", Carrier::Xdp, &[]);
    assert!(!is_worth_a_word(std::slice::from_ref(&plain)));
    let list = [
        plain,
        view("[192.0.2.2]:udp:53", Carrier::Xdp, &["XDP has no `ops`"]),
        view(
            "FWM 7",
            Carrier::Ipvs,
            &["it sees a packet before a firewall marks it"],
        ),
        view("[web]:tcp", Carrier::None, &["a", "b"]),
    ];
    assert!(is_worth_a_word(&list));
    let mut out = Vec::new();
    write(&mut out, &list).unwrap();
    assert_eq!(
        String::from_utf8(out).unwrap(),
        "Virtual server               Plane  Why\n\
         [192.0.2.2]:udp:53           XDP    XDP has no `ops`\n\
         FWM 7                        IPVS   it sees a packet before a firewall marks it\n\
         [web]:tcp                    none   a; b\n"
    );
}
