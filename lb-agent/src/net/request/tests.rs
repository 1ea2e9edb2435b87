use super::*;
use crate::net::attribute::{self, attributes};

#[test]
fn attributes_read_back_as_they_were_put_together() {
    let request = Request::new(16, &[1, 2, 3, 4])
        .with(1, &[9])
        .with_string(2, "eth0")
        .with_address(3, [10, 0, 0, 1].into())
        .with_some(4, None::<[u8; 4]>)
        .with_nested(5, |inner| inner.with(7, &8u32.to_ne_bytes()));
    assert_eq!(request.message_type(), 16);
    let mut buffer = vec![0; request.buffer_len()];
    request.serialize(&mut buffer);
    assert_eq!(buffer.len() % 4, 0);
    let read: Vec<_> = attributes(&buffer[4..]).collect();
    assert_eq!(read[0], (1, &[9][..]));
    assert_eq!(attribute::string(read[1].1), "eth0");
    assert_eq!(attribute::address(read[2].1), Some([10, 0, 0, 1].into()));
    assert_eq!(read[3].0, 5);
    let inner: Vec<_> = attributes(read[3].1).collect();
    assert_eq!(inner, [(7, &8u32.to_ne_bytes()[..])]);
    assert_eq!(read.len(), 4);
}

#[test]
fn what_no_attribute_can_hold_is_left_out() {
    let request = Request::new(16, &[]).with(1, &vec![0; 70_000]);
    assert!(request.body().is_empty());
}
