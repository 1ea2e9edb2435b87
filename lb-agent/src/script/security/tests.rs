use std::os::unix::fs::{PermissionsExt, chown, symlink};

use tempfile::TempDir;

use super::*;

const SOMEBODY: User = User { uid: 12, gid: 34 };

/// `/tmp/…/folder/script`, safe but for what the test changes. `/tmp` itself is sticky.
fn tree() -> (TempDir, PathBuf, PathBuf) {
    let root = TempDir::new().unwrap();
    let folder = root.path().join("folder");
    fs::create_dir(&folder).unwrap();
    let script = folder.join("script");
    fs::write(&script, "#!/bin/sh\n").unwrap();
    set_mode(&folder, 0o755);
    set_mode(&script, 0o755);
    (root, folder, script)
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

fn is_root() -> bool {
    User::own().uid == 0
}

#[test]
fn a_tree_of_roots_is_safe() {
    if !is_root() {
        return println!("skipped: not root");
    }
    let (_root, _, script) = tree();
    assert_eq!(find_unsafe(&script).unwrap(), None);
    assert_eq!(find_unsafe(Path::new("/bin/sh")).unwrap(), None);
}

#[test]
fn the_offending_component_is_named_with_its_mode() {
    if !is_root() {
        return println!("skipped: not root");
    }
    let (_root, folder, script) = tree();
    set_mode(&folder, 0o777);
    let found = find_unsafe(&script).unwrap().unwrap();
    assert_eq!(
        (&found.component, found.reason),
        (&folder, Reason::OtherWrite)
    );
    assert!(
        found.to_string().ends_with(&format!(
            "folder has owner 0:0 and mode 0777: anybody may write it; chmod o-w {}",
            folder.display()
        )),
        "{found}"
    );
    // The sticky bit protects what is inside.
    set_mode(&folder, 0o1777);
    assert_eq!(find_unsafe(&script).unwrap(), None);
    // … but not the script, which is no directory.
    set_mode(&script, 0o1757);
    let found = find_unsafe(&script).unwrap().unwrap();
    assert_eq!(
        (found.component, found.reason),
        (script, Reason::OtherWrite)
    );
}

#[test]
fn owners_and_groups_count() {
    if !is_root() {
        return println!("skipped: not root");
    }
    let (_root, folder, script) = tree();
    chown(&script, None, Some(5)).unwrap();
    assert_eq!(find_unsafe(&script).unwrap(), None);
    set_mode(&script, 0o775);
    let found = find_unsafe(&script).unwrap().unwrap();
    assert_eq!((found.reason, found.gid), (Reason::GroupWrite, 5));
    chown(&folder, Some(1000), None).unwrap();
    let found = find_unsafe(&script).unwrap().unwrap();
    assert_eq!((found.component, found.reason), (folder, Reason::Owner));
}

#[test]
fn the_path_behind_a_link_counts_too() {
    if !is_root() {
        return println!("skipped: not root");
    }
    let (root, folder, script) = tree();
    let link = root.path().join("link");
    symlink(&script, &link).unwrap();
    assert_eq!(find_unsafe(&link).unwrap(), None);
    set_mode(&folder, 0o757);
    assert_eq!(find_unsafe(&link).unwrap().unwrap().component, folder);
}

#[test]
fn who_may_execute_is_decided_by_the_one_class_that_applies() {
    let (_root, _, script) = tree();
    let owner = fs::metadata(&script).unwrap().uid();
    let group = fs::metadata(&script).unwrap().gid();
    for (mode, user, may) in [
        (0o001, SOMEBODY, true),
        (0o110, SOMEBODY, false),
        (
            0o010,
            User {
                uid: 12,
                gid: group,
            },
            true,
        ),
        (
            0o101,
            User {
                uid: 12,
                gid: group,
            },
            false,
        ),
        (0o001, User::ROOT, true),
        (0o666, User::ROOT, false),
    ] {
        set_mode(&script, mode);
        let file = fs::symlink_metadata(&script).unwrap();
        assert_eq!(is_executable(&file, user), may, "{mode:o} {user:?} {owner}");
    }
}

#[test]
fn only_what_runs_with_roots_rights_is_protected() {
    let (_root, _, script) = tree();
    let file = fs::metadata(&script).unwrap();
    assert!(needs_protection(&file, User::ROOT));
    assert!(needs_protection(&file, User { uid: 12, gid: 0 }));
    assert!(!needs_protection(&file, SOMEBODY));
    if is_root() {
        set_mode(&script, 0o4755);
        let file = fs::metadata(&script).unwrap();
        assert!(needs_protection(&file, SOMEBODY));
    }
}
