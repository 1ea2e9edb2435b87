use super::{InstanceLock, LockError};

#[test]
fn a_name_is_held_by_one_and_free_again_after_it() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("edge");
    let first = InstanceLock::take("edge", &folder).unwrap();
    let error = InstanceLock::take("edge", &folder).unwrap_err();
    let pid = std::process::id();
    assert_eq!(
        error.to_string(),
        format!(
            "another lb-agent (process {pid}) runs as instance `edge`: stop it first, or give \
             this one a name of its own with --instance"
        )
    );
    drop(first);
    assert!(!folder.exists());
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("status.json"), "{}").unwrap();
    drop(InstanceLock::take("edge", &folder).unwrap());
    assert!(folder.join("status.json").is_file());
}

#[test]
fn other_names_do_not_disturb() {
    let root = tempfile::tempdir().unwrap();
    let _one = InstanceLock::take("one", &root.path().join("one")).unwrap();
    let _two = InstanceLock::take("two", &root.path().join("two")).unwrap();
}

#[test]
fn a_folder_that_was_removed_is_made_anew() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("edge");
    let _old = InstanceLock::take("edge", &folder).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let _new = InstanceLock::take("edge", &folder).unwrap();
    assert!(folder.join("pid").is_file());
}

#[test]
fn what_stands_in_the_way_is_named() {
    let root = tempfile::tempdir().unwrap();
    let folder = root.path().join("edge");
    std::fs::write(&folder, "a file").unwrap();
    let error = InstanceLock::take("edge", &folder).unwrap_err();
    assert!(matches!(error, LockError::Folder { .. }));
    assert!(error.to_string().contains(&folder.display().to_string()));
}
