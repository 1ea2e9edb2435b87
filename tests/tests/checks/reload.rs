//! What a reload and a restart make of verdicts. Every check is made once, an hour before the next: what
//! changes afterwards is what is known already.

use std::fs;
use std::net::{Ipv4Addr, TcpListener};
use std::path::Path;

use anyhow::{Context, Result, ensure};
use lb_tests::{Agent, skipped, wait_until};
use nix::sys::stat::Mode;
use nix::unistd::mkfifo;

use super::{NEEDS, PATIENCE, machine};

/// `TCP_CHECK` of a port of 127.0.0.1.
fn tcp(port: u16, timeout: u8) -> String {
    format!(
        "  TCP_CHECK {{\n   connect_ip 127.0.0.1\n   connect_port {port}\n   connect_timeout \
         {timeout}\n  }}\n"
    )
}

/// A virtual server at this port, with servers 10.0.0.`host`.
fn service(port: u16, settings: &str, servers: &[(u8, String)]) -> String {
    let servers = servers
        .iter()
        .map(|(host, checks)| format!(" real_server 10.0.0.{host} {port} {{\n{checks} }}\n"));
    format!(
        "virtual_server 192.0.2.1 {port} {{\n delay_loop 3600\n warmup 0\n retry 0\n lb_algo rr\n \
         lb_kind DR\n protocol TCP\n{settings}{}}}\n",
        servers.collect::<String>()
    )
}

#[test]
fn a_reload_leaves_no_server_up_that_is_down_nor_down_that_is_up() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let machine = machine("reloaded")?;
    let listen = || Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?);
    let listener = machine.enter(listen)?;
    let good = listener.local_addr()?.port();
    // Nobody is there.
    let bad = 1;
    let both = tcp(good, 5) + &tcp(bad, 5);
    let careful = |timeout| {
        let checks = tcp(good, timeout)
            + "  PING_CHECK {\n   connect_ip 127.0.0.1\n"
            + &format!("   connect_timeout {timeout}\n  }}\n");
        service(82, " alpha\n", &[(4, checks)])
    };
    let line = |what: &str, host: u8, to: &str, port: u16| {
        format!("{what} service [10.0.0.{host}]:tcp:{port} {to} VS [192.0.2.1]:tcp:{port}")
    };
    let first = service(80, "", &[(1, both), (2, tcp(bad, 5)), (3, tcp(good, 5))]) + &careful(3);
    let mut agent = Agent::start(&machine, &first)?;
    for host in [1, 2] {
        agent.wait_for(&line("Removing", host, "from", 80), PATIENCE)?;
    }
    agent.wait_for(&line("Adding", 4, "to", 82), PATIENCE)?;

    // The check that fails is gone, a server too, and another one has a check that has failed already.
    let said = agent.log().len();
    let second = service(80, "", &[(1, tcp(good, 5)), (2, tcp(bad, 5))])
        + &service(81, "", &[(5, tcp(bad, 5))])
        + &careful(4);
    agent.reload(&second)?;
    agent.wait_for_after(said, &line("Adding", 1, "to", 80), PATIENCE)?;
    agent.wait_for_after(said, &line("Removing", 5, "from", 81), PATIENCE)?;
    let gone = line("Removing", 3, "from", 80) + ": it is configured no longer";
    agent.wait_for_after(said, &gone, PATIENCE)?;
    // Both checks with another time-out have been made, and it was there all the time.
    let all_asked = || {
        let checks = agent.dump("checks --format json").ok()?;
        (!checks.contains("unproven")).then_some(())
    };
    wait_until(PATIENCE, all_asked).context("not all checks are made")?;
    let log = agent.log();
    let removed = line("Removing", 4, "from", 82);
    ensure!(!log.contains(&removed), "{log}");
    Ok(())
}

#[test]
fn a_restart_tells_what_is_so() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let machine = machine("restarted")?;
    let listener = machine.enter(|| Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?))?;
    let good = listener.local_addr()?.port();
    let folder = tempfile::tempdir()?;
    let fifo = folder.path().join("fifo");
    mkfifo(&fifo, Mode::S_IRWXU)?;
    let settings = " alpha\n omega\n sorry_server 10.0.0.9 80\n";
    let text = format!(
        "global_defs {{\n lvs_notify_fifo {}\n}}\n{}",
        fifo.display(),
        service(80, settings, &[(1, tcp(good, 5)), (2, tcp(1, 5))])
    );
    // Opened for both, it is never at its end.
    let reader = fs::OpenOptions::new().read(true).write(true).open(&fifo)?;
    let mut told = Told::start(reader, &folder.path().join("told"))?;
    let line = |what: &str| format!("{what}\n");
    let server = |host: u8, state: &str| {
        line(&format!(
            "RS [10.0.0.{host}]:tcp:80 [192.0.2.1]:tcp:80 {state}"
        ))
    };
    let quorum = |state: &str| line(&format!("VS [192.0.2.1]:tcp:80 {state}"));

    let agent = Agent::start(&machine, &text)?;
    told.wait_for(&[&server(1, "UP"), &server(2, "DOWN"), &quorum("UP")])?;
    agent.terminate()?;
    told.wait_for(&[&server(1, "DOWN"), &quorum("DOWN")])?;

    let agent = Agent::start(&machine, &text)?;
    let again = told.wait_for(&[&server(1, "UP"), &server(2, "DOWN"), &quorum("UP")])?;
    ensure!(!again.contains(&quorum("DOWN")), "{again}");
    ensure!(!again.contains(&server(2, "UP")), "{again}");
    agent.terminate().map(drop)
}

/// What comes out of a FIFO.
struct Told {
    cat: std::process::Child,
    file: std::path::PathBuf,
    seen: usize,
}

impl Told {
    fn start(fifo: fs::File, file: &Path) -> Result<Self> {
        let cat = std::process::Command::new("cat")
            .stdin(fifo)
            .stdout(fs::File::create(file)?)
            .spawn()?;
        let file = file.to_owned();
        Ok(Self { cat, file, seen: 0 })
    }

    /// Until all `lines` have come since the last time; what came.
    fn wait_for(&mut self, lines: &[&str]) -> Result<String> {
        let news = || {
            let text = fs::read_to_string(&self.file).unwrap_or_default();
            text.get(self.seen..).unwrap_or_default().replace('\0', "")
        };
        let all = || {
            let news = news();
            lines.iter().all(|line| news.contains(line)).then_some(news)
        };
        let came = wait_until(PATIENCE, all);
        let came = came.with_context(|| format!("not all of {lines:?}, but:\n{}", news()))?;
        self.seen = fs::read_to_string(&self.file)?.len();
        Ok(came)
    }
}

impl Drop for Told {
    fn drop(&mut self) {
        self.cat.kill().ok();
        self.cat.wait().ok();
    }
}
