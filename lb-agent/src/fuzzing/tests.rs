use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::TARGETS;

fn seeds() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fuzz/seeds")
}

#[test]
fn every_target_has_seeds_and_every_folder_of_seeds_a_target() {
    let folders = fs::read_dir(seeds()).unwrap();
    let folders = folders.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let targets = TARGETS.iter().map(|target| target.name.to_owned());
    assert_eq!(
        folders.collect::<BTreeSet<_>>(),
        targets.collect::<BTreeSet<_>>()
    );
}

#[test]
fn every_seed_and_every_former_finding_holds() {
    for target in TARGETS {
        let mut files: Vec<PathBuf> = fs::read_dir(seeds().join(target.name))
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        files.sort();
        assert!(!files.is_empty(), "{}", target.name);
        for file in files {
            println!("{}", file.display());
            (target.run)(&fs::read(&file).unwrap());
        }
    }
}
