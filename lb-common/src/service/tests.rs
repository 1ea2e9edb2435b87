use super::*;

#[test]
fn a_key_holds_the_bytes_of_the_packet() {
    let key = ServiceKey4::new(Ipv4Addr::new(192, 0, 2, 100), 8080, TCP);
    assert_eq!(bytemuck::bytes_of(&key), [192, 0, 2, 100, 0x1f, 0x90, 6, 0]);
    assert_eq!(key.address(), Ipv4Addr::new(192, 0, 2, 100));
    assert_eq!(key.port(), 8080);
}
