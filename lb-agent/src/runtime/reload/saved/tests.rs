use std::os::unix::fs::PermissionsExt as _;

use super::*;
use crate::config::{Memory, load};

#[test]
fn every_text_is_kept_in_the_order_of_reading_and_for_nobody_else() {
    let memory = Memory::default()
        .with("/main", "include other\nvrrp_instance A {\n}")
        .with("/other", "global_defs {\n}\n");
    let loaded = load(&memory, Path::new("/main"));
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("saved");
    configuration(&folder, 3, &loaded.sources);
    state(&folder, 3, Moment::Pre, "before");
    state(&folder, 3, Moment::Post, "after");
    let pid = std::process::id();
    let read = |name: String| {
        let path = folder.join(name);
        let mode = std::fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
        std::fs::read_to_string(path).unwrap()
    };
    assert_eq!(
        read(format!("keepalived.conf.{pid}.3")),
        "# /main\ninclude other\nvrrp_instance A {\n}\n# /other\nglobal_defs {\n}\n"
    );
    assert_eq!(read(format!("keepalived_vrrp.{pid}.3.pre")), "before");
    assert_eq!(read(format!("keepalived_vrrp.{pid}.3.post")), "after");
    let mode = std::fs::metadata(&folder).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
}

#[test]
fn a_folder_that_cannot_be_made_stops_nothing() {
    state(Path::new("/no/such/parent"), 0, Moment::Pre, "text");
}
