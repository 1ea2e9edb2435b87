use std::io::Write as _;
use std::process::{Command, Stdio};

use super::*;

#[test]
fn header_name_and_content_are_padded_to_four_bytes() {
    let bytes = archive(&[Entry::executable(
        "init".to_owned(),
        b"#!/bin/sh\n".to_vec(),
    )]);
    let text = String::from_utf8(bytes).unwrap();
    let file = concat!(
        "070701",
        "00000001",
        "000081ed",
        "00000000",
        "00000000",
        "00000001",
        "00000000",
        "0000000a",
        "00000000",
        "00000000",
        "00000000",
        "00000000",
        "00000005",
        "00000000",
        "init\0\0",
        "#!/bin/sh\n\0\0",
    );
    assert!(text.starts_with(file), "{text:?}");
    assert_eq!(text.len() % 4, 0);
    assert!(text[file.len()..].contains("TRAILER!!!\0"));
}

#[test]
fn busybox_reads_it_where_there_is_a_busybox() {
    let list = Command::new("busybox")
        .args(["cpio", "-t"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn();
    let Ok(mut list) = list else {
        println!("skipped: busybox is not installed");
        return;
    };
    let entries = [
        Entry::directory("bin"),
        Entry::executable("bin/program".to_owned(), vec![7; 1001]),
    ];
    list.stdin
        .take()
        .unwrap()
        .write_all(&archive(&entries))
        .unwrap();
    let output = list.wait_with_output().unwrap();
    assert_eq!(
        String::from_utf8(output.stdout).unwrap(),
        "bin\nbin/program\n"
    );
}
