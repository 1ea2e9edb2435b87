//! Configurations that would never end: each ends in an error, soon and in bounded memory.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lb_tests::{Process, built};

/// Memory that a check may take, KiB: the limits of the configuration allow a text of 64 MiB.
const MEMORY: u32 = 640 << 10;

/// A loaded machine, and a program that is not optimised.
const PATIENCE: Duration = Duration::from_mins(2);

/// Cannot run, as `keepalived -t` says it.
const UNUSABLE: i32 = 4;

/// What `lb-agent check` says of a file, in an address space of [`MEMORY`].
fn check(file: &Path) -> Result<(Option<i32>, String)> {
    let folder = tempfile::tempdir()?;
    let said = folder.path().join("said");
    let mut shell = Command::new("sh");
    shell
        .args([
            "-c",
            "ulimit -v \"$1\" && exec \"$2\" check -f \"$3\"",
            "sh",
        ])
        .arg(MEMORY.to_string())
        .arg(built::lb_agent()?)
        .arg(file)
        .stdin(Stdio::null())
        .stdout(File::create(&said)?)
        .stderr(Stdio::null());
    let status = Process::start(&mut shell)?.wait(PATIENCE)?;
    Ok((status.code(), fs::read_to_string(&said)?))
}

#[track_caller]
fn ends_with(file: &Path, status: i32, message: &str) -> Result<()> {
    let name = file.display();
    let (found, said) = check(file).with_context(|| name.to_string())?;
    ensure!(
        found == Some(status) && said.contains(message),
        "{name}: status {found:?} and:\n{}",
        said.chars().take(2000).collect::<String>()
    );
    ensure!(
        said.len() < 100_000,
        "{name}: {} bytes are said",
        said.len()
    );
    Ok(())
}

struct Files {
    directory: tempfile::TempDir,
}

impl Files {
    fn new() -> Result<Self> {
        let directory = tempfile::tempdir()?;
        Ok(Self { directory })
    }

    fn write(&self, name: &str, text: &str) -> Result<PathBuf> {
        let path = self.directory.path().join(name);
        fs::write(&path, text)?;
        Ok(path)
    }
}

#[test]
fn includes_without_end() -> Result<()> {
    let files = Files::new()?;
    let itself = files.write("itself.conf", "include itself.conf\n")?;
    ends_with(&itself, 5, "includes itself")?;
    let first = files.write("first.conf", "include second.conf\n")?;
    files.write("second.conf", "include first.conf\n")?;
    ends_with(&first, 5, "includes itself")?;
    // No cycle, and yet two to the power of thirty files.
    for depth in 0..30 {
        let include = format!("include tree{}.conf\n", depth + 1);
        files.write(&format!("tree{depth}.conf"), &include.repeat(2))?;
    }
    files.write("tree30.conf", "")?;
    let tree = files.directory.path().join("tree0.conf");
    ends_with(&tree, UNUSABLE, "more than 10000 files are included")
}

#[test]
fn variables_without_end() -> Result<()> {
    let files = Files::new()?;
    let itself = files.write("itself.conf", "$A=$B\n$B=x $A\n$A\n")?;
    ends_with(&itself, 5, "stands for itself")?;
    let lines = files.write("lines.conf", "$A=\\\n x \\\n $A\n$A\n")?;
    ends_with(&lines, 5, "stands for itself")?;
    let mut doubling = String::from("$V0=xxxxxxxxxxxxxxxx\n");
    for depth in 1..31 {
        writeln!(doubling, "$V{depth}=${{V{0}}}${{V{0}}}", depth - 1)?;
    }
    doubling.push_str("$V30\n");
    let doubling = files.write("doubling.conf", &doubling)?;
    ends_with(&doubling, UNUSABLE, "a variable stands for more than")
}

#[test]
fn sequences_without_end() -> Result<()> {
    let files = Files::new()?;
    for (name, text) in [
        ("long.conf", "~SEQ(A,1,9223372036854775807) router_id x\n"),
        (
            "nested.conf",
            "~SEQ(A,1,100000) ~SEQ(B,1,100000) router_id ${A}${B}\n",
        ),
        (
            "value.conf",
            "$X=\\\n a \\\n b\n~SEQ(A,1,100000) ~SEQ(B,1,100000) $X\n",
        ),
    ] {
        let file = files.write(name, text)?;
        ends_with(&file, UNUSABLE, "variables and sequences make more than")?;
    }
    Ok(())
}

#[test]
fn lines_without_end() -> Result<()> {
    let files = Files::new()?;
    // A gigabyte is refused by its size: of what has none, `config::source` proves how much is read.
    let huge = files.directory.path().join("huge.conf");
    File::create(&huge)?.set_len(1 << 30)?;
    ends_with(&huge, UNUSABLE, "it is too large")?;
    let includes = files.write("includes.conf", "include huge.conf\n")?;
    ends_with(&includes, UNUSABLE, "huge.conf`: it is too large")?;
    // What is just not too large.
    let line = files.directory.path().join("line.conf");
    let mut file = File::create(&line)?;
    for _ in 0..60 {
        file.write_all(&vec![b'x'; 1 << 20])?;
    }
    ends_with(&line, 5, "keepalived reads at most 1023")?;
    let braces = files.write("braces.conf", &"{".repeat(8 << 20))?;
    ends_with(&braces, 5, "this line has 8388608 bytes")?;
    let blocks = files.write("blocks.conf", &"a {\n".repeat(8 << 20))?;
    ends_with(&blocks, UNUSABLE, "the configuration has more than")?;
    Ok(())
}
