//! Puts the XDP programs into `OUT_DIR/lb-ebpf` and `OUT_DIR/tag`: compiled from `../lb-ebpf`, or the
//! ready-made objects, of which `LB_EBPF_OBJECT` names the first and the other lies beside it.

use std::env;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use lb_ebpf_build::BuildError;

fn main() -> ExitCode {
    println!("cargo::rerun-if-env-changed=LB_EBPF_OBJECT");
    let (Some(manifest), Some(out)) = (path("CARGO_MANIFEST_DIR"), path("OUT_DIR")) else {
        println!("cargo::error=this build script is to be run by cargo");
        return ExitCode::SUCCESS;
    };
    let object = match path("LB_EBPF_OBJECT") {
        Some(object) => object,
        None => match compile(&manifest, &out) {
            Ok(object) => object,
            Err(error) => {
                println!("cargo::error={error}");
                // With a failure cargo shows what the compiler said; with a success it shows the
                // error alone, and a missing part needs no more.
                return ExitCode::from(u8::from(matches!(error, BuildError::Compile { .. })));
            }
        },
    };
    let tag = object.with_file_name("tag");
    for (from, to) in [(&object, "lb-ebpf"), (&tag, "tag")] {
        println!("cargo::rerun-if-changed={}", from.display());
        if let Err(error) = std::fs::copy(from, out.join(to)) {
            println!(
                "cargo::error=cannot copy the XDP program {}: {error}",
                from.display()
            );
        }
    }
    ExitCode::SUCCESS
}

/// Compiles `lb-ebpf` into `<target>/bpf`.
fn compile(manifest: &Path, out: &Path) -> Result<PathBuf, BuildError> {
    let workspace = manifest.parent().unwrap_or(manifest);
    for input in ["lb-ebpf", "lb-common", "Cargo.lock"] {
        println!(
            "cargo::rerun-if-changed={}",
            workspace.join(input).display()
        );
    }
    let objects = lb_ebpf_build::build(workspace, &target_dir(workspace, out))?;
    Ok(objects.join("lb-ebpf"))
}

/// The target directory: `OUT_DIR` is `<target>[/<triple>]/<profile>/build/<package>/out`.
fn target_dir(workspace: &Path, out: &Path) -> PathBuf {
    let Some(directory) = out.ancestors().nth(4) else {
        return workspace.join("target");
    };
    match directory.parent() {
        Some(parent) if directory.file_name() == env::var_os("TARGET").as_deref() => parent.into(),
        _ => directory.into(),
    }
}

/// A variable that holds a path.
fn path(name: &str) -> Option<PathBuf> {
    env::var_os(name).map(PathBuf::from)
}
