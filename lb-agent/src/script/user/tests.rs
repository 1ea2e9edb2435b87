use super::*;

#[test]
fn users_and_groups_are_found_by_name_and_number() {
    assert_eq!(User::find("root", None), Ok(User::ROOT));
    assert_eq!(User::find("0", Some("7")), Ok(User { uid: 0, gid: 7 }));
    assert_eq!(
        User::find("root", Some("daemon")),
        Ok(User { uid: 0, gid: 1 })
    );
}

#[test]
fn an_unknown_name_is_said_in_keepaliveds_words() {
    let error = User::find("nobody-of-that-name", None).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Script user 'nobody-of-that-name' does not exist"
    );
    let error = User::find("root", Some("no-such-group")).unwrap_err();
    assert_eq!(
        error.to_string(),
        "Script group 'no-such-group' does not exist"
    );
}
