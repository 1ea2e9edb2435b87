//! Compilers played by shell scripts.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use super::*;

/// A directory that plays a sysroot, with a `bin/rustc` of this release and LLVM.
struct Sysroot(PathBuf);

impl Sysroot {
    fn new(test: &str, release: &str, llvm: &str) -> Self {
        let root = env::temp_dir().join(format!("lb-ebpf-build-{test}-{}", std::process::id()));
        fs::create_dir_all(root.join("bin")).unwrap();
        let script = format!(
            "#!/bin/sh\n\
             if [ \"$1\" = --print ]; then echo {}; else\n\
             echo rustc; echo host: x86_64-unknown-linux-gnu\n\
             echo release: {release}; echo LLVM version: {llvm}; fi\n",
            root.display()
        );
        fs::write(root.join("bin/rustc"), script).unwrap();
        fs::set_permissions(root.join("bin/rustc"), fs::Permissions::from_mode(0o755)).unwrap();
        Self(root)
    }

    fn with(self, file: &str) -> Self {
        let path = self.0.join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, "").unwrap();
        self
    }

    fn examine(&self) -> Result<Compiler, Unfit> {
        Compiler::examine(&self.0.join("bin/rustc"))
    }
}

impl Drop for Sysroot {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).unwrap();
    }
}

const CORE: &str = "lib/rustlib/src/rust/library/core/Cargo.toml";

#[test]
fn a_compiler_with_the_source_of_core_will_do_and_its_llvm_is_found() {
    for library in [
        "lib/libLLVM.so.22.1-rust",
        "lib/x86_64-linux-gnu/libLLVM.so.22.1",
    ] {
        let test = library.replace('/', "-");
        let sysroot = Sysroot::new(&test, "1.96.0", "22.1.8")
            .with(CORE)
            .with("lib/libLLVM-14.so")
            .with(library);
        let compiler = sysroot.examine().unwrap();
        assert_eq!(compiler.release, "1.96.0");
        assert_eq!(compiler.llvm, "22.1.8");
        assert_eq!(compiler.llvm_library, Some(sysroot.0.join(library)));
    }
}

#[test]
fn without_the_source_of_core_a_compiler_is_refused() {
    let sysroot = Sysroot::new("no-source", "1.95.0", "22.1.2");
    assert!(matches!(sysroot.examine(), Err(Unfit::NoSource { .. })));
}

#[test]
fn a_compiler_with_a_newer_llvm_than_the_linker_is_refused() {
    let sysroot = Sysroot::new("llvm", "1.99.1", "23.1.0").with(CORE);
    assert!(matches!(sysroot.examine(), Err(Unfit::LlvmTooNew { .. })));
}

#[test]
fn an_old_compiler_is_refused() {
    let sysroot = Sysroot::new("old", "1.63.0", "14.0.6").with(CORE);
    assert!(matches!(sysroot.examine(), Err(Unfit::TooOld { .. })));
}

#[test]
fn what_is_not_there_does_not_run() {
    let missing = Compiler::examine(Path::new("/nonexistent/rustc"));
    assert!(matches!(missing, Err(Unfit::DoesNotRun(_))));
}

#[test]
fn the_message_names_every_candidate_and_the_command() {
    let error = NoCompiler(vec![
        (
            "rustc".into(),
            Unfit::NoSource {
                release: "1.95.0".to_owned(),
            },
        ),
        (
            "/usr/bin/rustc".into(),
            Unfit::TooOld {
                release: "1.63.0".to_owned(),
            },
        ),
    ]);
    let text = error.to_string();
    assert!(
        text.contains("rustc (1.95.0) lacks the source of `core`"),
        "{text}"
    );
    assert!(
        text.contains("/usr/bin/rustc is too old (1.63.0, we need 1.95)"),
        "{text}"
    );
    assert!(text.contains("rustup component add rust-src"), "{text}");
}
