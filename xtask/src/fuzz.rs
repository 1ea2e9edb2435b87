//! Fuzzes what reads other people's bytes, with libFuzzer.
//!
//! The targets are functions of lb-agent (`lb_agent::fuzzing`), the crate `fuzz` is the program
//! around them. Coverage comes from LLVM's own pass, which a stable compiler can be asked for; a
//! sanitizer is not needed, since the code that is looked at has no `unsafe`.

mod dictionary;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context as _, Result, bail, ensure};

use crate::cargo::{command, succeed, workspace};
use crate::setup;

/// What is to be fuzzed.
#[derive(Debug, clap::Args)]
pub(crate) struct Options {
    /// Only this target: the name of a folder in fuzz/seeds.
    target: Option<String>,
    /// For how long each.
    #[arg(long, value_name = "SECONDS", default_value_t = 60)]
    seconds: u32,
}

/// Flags of the compiler: what cargo-fuzz passes, without a sanitizer. Some crates ask for `fuzzing`.
const FLAGS: [&str; 7] = [
    "--cfg=fuzzing",
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "-Cllvm-args=-sanitizer-coverage-trace-compares",
    "-Cforce-frame-pointers=yes",
];

/// Memory that one input may take, MiB: what the limits of the configuration allow, and some.
const MEMORY: u32 = 1024;

/// Time that one input may take, seconds.
const PATIENCE: u32 = 20;

/// Targets that read configurations: they start from the tutorials, too, and know the keywords.
const OF_CONFIGURATIONS: [&str; 3] = ["lexer", "expander", "loader"];

/// Runs the targets, one after the other; all of them, also when one finds something.
pub(crate) fn run(options: &Options) -> Result<()> {
    setup::run(&[setup::Part::Build, setup::Part::Fuzz])?;
    let targets = targets(options.target.as_deref())?;
    let program = build()?;
    let mut found = 0;
    for target in &targets {
        found += u32::from(!fuzz(&program, target, options.seconds)?);
    }
    ensure!(
        found == 0,
        "{found} of {} targets found something",
        targets.len()
    );
    Ok(())
}

/// The folders of seeds, or the one of `wanted`.
fn targets(wanted: Option<&str>) -> Result<Vec<String>> {
    let mut all = Vec::new();
    for entry in fs::read_dir(seeds()).context("fuzz/seeds")? {
        all.push(entry?.file_name().to_string_lossy().into_owned());
    }
    all.sort();
    match wanted {
        None => Ok(all),
        Some(wanted) if all.iter().any(|name| name == wanted) => Ok(vec![wanted.to_owned()]),
        Some(wanted) => bail!(
            "there is no target `{wanted}`; there are {}",
            all.join(", ")
        ),
    }
}

fn seeds() -> PathBuf {
    workspace().join("fuzz/seeds")
}

/// Where everything goes that a run makes.
fn directory() -> PathBuf {
    workspace().join("target/fuzz")
}

/// Builds the program.
fn build() -> Result<PathBuf> {
    let host = host()?;
    // With a target, the flags are not for build scripts, which libFuzzer does not run.
    let mut cargo = command(&["build", "--profile", "fuzz", "--target", &host]);
    cargo
        .args([
            "--package",
            "lb-fuzz",
            "--features",
            "libfuzzer",
            "--target-dir",
        ])
        .arg(directory())
        .env("CARGO_ENCODED_RUSTFLAGS", FLAGS.join("\x1f"));
    succeed(&mut cargo)?;
    Ok(directory().join(host).join("fuzz/lb-fuzz"))
}

/// The compiler's own target.
fn host() -> Result<String> {
    let rustc = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("-vV").output()?;
    let text = String::from_utf8_lossy(&output.stdout);
    let host = text.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).context("rustc -vV names no host")
}

/// Fuzzes one target; whether all is well.
fn fuzz(program: &Path, target: &str, seconds: u32) -> Result<bool> {
    let (corpus, findings) = (
        directory().join("corpus").join(target),
        directory().join("findings").join(target),
    );
    fs::create_dir_all(&corpus)?;
    fs::create_dir_all(&findings)?;
    let log = directory().join(format!("{target}.log"));
    let mut fuzzer = Command::new(program);
    fuzzer
        .env("LB_FUZZ_TARGET", target)
        .arg(format!("-max_total_time={seconds}"))
        .arg(format!("-rss_limit_mb={MEMORY}"))
        .arg(format!("-timeout={PATIENCE}"))
        .arg(format!("-artifact_prefix={}/", findings.display()))
        .arg("-print_final_stats=1")
        .args([&corpus, &seeds().join(target)])
        .stdout(Stdio::null())
        .stderr(fs::File::create(&log)?);
    if OF_CONFIGURATIONS.contains(&target) {
        let dictionary = dictionary::write(&directory())?;
        fuzzer
            .arg(format!("-dict={}", dictionary.display()))
            .args(["-max_len=16384"])
            .arg(workspace().join("tests/configs/tutorials"));
    } else {
        fuzzer.arg("-max_len=2048");
    }
    let status = fuzzer.status().context("cannot start the fuzzer")?;
    let said = fs::read_to_string(&log).unwrap_or_default();
    report(target, status, &said, &findings);
    Ok(status.success())
}

fn report(target: &str, status: ExitStatus, said: &str, findings: &Path) {
    let stat = |name: &str| {
        let line = said.lines().rfind(|line| line.contains(name));
        let word = line.and_then(|line| line.split_whitespace().last());
        word.unwrap_or("?").to_owned()
    };
    let coverage = said.lines().rfind(|line| line.contains(" cov: "));
    let coverage = coverage.and_then(|line| line.split(" cov: ").nth(1)?.split(' ').next());
    let (runs, memory) = (
        stat("stat::number_of_executed_units"),
        stat("stat::peak_rss_mb"),
    );
    let coverage = coverage.unwrap_or("?");
    if status.success() {
        println!(
            "{target:12} nothing found in {runs} runs; {coverage} edges covered, at most {memory} MiB"
        );
        return;
    }
    println!("{target:12} FOUND SOMETHING after {runs} runs:");
    let telling = |line: &&str| {
        ["panicked at", "ERROR:", "SUMMARY:", "Test unit written"]
            .iter()
            .any(|part| line.contains(part))
    };
    for line in said.lines().skip_while(|line| !telling(line)).take(6) {
        println!("             {line}");
    }
    println!(
        "             The input is in {}. Put it into fuzz/seeds/{target}, where every test run \
         tries it.",
        findings.display()
    );
}
