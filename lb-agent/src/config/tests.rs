//! Whole configurations: the tutorials, rubbish, and a large one.

use std::path::{Path, PathBuf};

use super::*;

fn tutorials() -> Vec<PathBuf> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/configs/tutorials");
    let mut files: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.sort();
    files
}

/// As `check` would read it, but under its bare name.
fn load_tutorial(path: &Path) -> Loaded {
    let name = path.file_name().unwrap();
    load(&Memory::default().with(name, std::fs::read(path).unwrap()), Path::new(name))
}

#[test]
fn every_tutorial_gives_the_reviewed_model_and_remarks() {
    for path in tutorials() {
        let loaded = load_tutorial(&path);
        let text = format!(
            "exit status {}\n\n{}\n{:#?}\n",
            loaded.exit_status(),
            render(&loaded, false),
            loaded.config
        );
        insta::with_settings!({ omit_expression => true, prepend_module_to_snapshot => false }, {
            insta::assert_snapshot!(path.file_stem().unwrap().to_str().unwrap(), text);
        });
    }
}
