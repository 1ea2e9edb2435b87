use super::*;

#[test]
fn we_find_ourselves() {
    let own = std::process::id();
    let identity = Identity::read(own).unwrap();
    assert!(!identity.comm.is_empty() && identity.comm.len() <= COMM_LEN);
    assert!(!identity.arguments.is_empty());
    assert!(all().iter().any(|(pid, _)| *pid == own));
    assert_eq!(Identity::read(u32::MAX), None);
}

#[test]
fn a_name_may_hold_anything() {
    assert_eq!(
        parse_stat(b"12 (a) (b) R) S 1 2"),
        Some((&b"a) (b) R"[..], b'S'))
    );
    for broken in [&b""[..], b"12", b"12 (a", b"12 a) S", b"12 (a)", b") ("] {
        assert_eq!(parse_stat(broken), None);
    }
}

#[test]
fn a_command_line_is_cut_at_its_nuls() {
    assert_eq!(words(b""), Vec::<Vec<u8>>::new());
    assert_eq!(words(b"a\0"), [b"a"]);
    assert_eq!(words(b"a\0\0b c\0"), [&b"a"[..], b"", b"b c"]);
    // Overwritten by the process, without a NUL at its end.
    assert_eq!(words(b"nginx: worker"), [b"nginx: worker"]);
}
