use super::*;
use crate::observe::sample;

#[test]
fn the_table_shows_where_packets_leave_and_why_they_do_not() {
    let mut out = Vec::new();
    write(&mut out, &sample::backends()).unwrap();
    insta::assert_snapshot!(String::from_utf8(out).unwrap());
}
