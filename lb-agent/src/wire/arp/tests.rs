use super::*;

#[test]
fn the_frame_is_keepaliveds_byte_for_byte() {
    let frame = gratuitous([0x02, 0, 0, 0, 0, 0x01], Ipv4Addr::new(10, 0, 0, 100));
    let golden: [u8; FRAME_LEN] = [
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02, 0x00, 0x00, 0x00, 0x00, 0x01, 0x08, 0x06, //
        0x00, 0x01, 0x08, 0x00, 0x06, 0x04, 0x00, 0x01, //
        0x02, 0x00, 0x00, 0x00, 0x00, 0x01, 0x0a, 0x00, 0x00, 0x64, //
        0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0a, 0x00, 0x00, 0x64,
    ];
    assert_eq!(frame, golden);
}

#[test]
fn a_probe_names_no_sender_and_a_reply_says_who_has_the_address() {
    let (mac, address) = ([2, 0, 0, 0, 0, 1], Ipv4Addr::new(10, 0, 0, 100));
    let probe = request(mac, Ipv4Addr::UNSPECIFIED, address);
    assert_eq!(
        (&probe[28..32], &probe[38..42]),
        (&[0; 4][..], &address.octets()[..])
    );
    assert_eq!(Reply::parse(&probe), None, "no reply");
    let mut reply = gratuitous(mac, address);
    assert_eq!(Reply::parse(&reply), None, "no reply");
    reply[21] = 2;
    assert_eq!(Reply::parse(&reply), Some(Reply { address, mac }));
    for length in 0..32 {
        assert_eq!(Reply::parse(&reply[..length]), None);
    }
}

#[test]
fn a_question_to_one_host_goes_to_nobody_else() {
    let (host, mac) = ([2, 0, 0, 0, 0, 9], [2, 0, 0, 0, 0, 1]);
    let (sender, target) = (Ipv4Addr::new(10, 0, 0, 1), Ipv4Addr::new(10, 0, 0, 100));
    let everybody = request(mac, sender, target);
    let one = request_to(host, mac, sender, target);
    assert_eq!((&one[..6], &one[6..]), (&host[..], &everybody[6..]));
}
