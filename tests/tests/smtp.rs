//! Our mailer and a real SMTP server, Debian's python3-aiosmtpd, in a namespace of its own; and an
//! agent that mails what becomes of its servers.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lb_agent::notify::event::{Event, State, Subject, What};
use lb_agent::notify::mail::Envelope;
use lb_agent::notify::mailer::{self, Settings};
use lb_agent::notify::smtp::Credentials;
use lb_tests::{Agent, Namespace, Need, Process, Switch, checked, skipped, wait_until};
use tempfile::TempDir;

const NEEDS: [Need; 4] = [
    Need::Root,
    Need::Namespaces,
    Need::Program("ip"),
    Need::Program("aiosmtpd"),
];

const PATIENCE: Duration = Duration::from_secs(30);

/// Takes mails into files `mail-1`, `mail-2`, …; asks for a password if it is given one, and
/// refuses recipients at `closed.example`.
const SERVER: &str = r#"
import asyncio, sys
from aiosmtpd.smtp import SMTP, AuthResult
folder, password = sys.argv[1], sys.argv[2]
count = 0
class Handler:
    async def handle_RCPT(self, server, session, envelope, address, options):
        if address.endswith("@closed.example"):
            return "550 nobody here"
        envelope.rcpt_tos.append(address)
        return "250 OK"
    async def handle_DATA(self, server, session, envelope):
        global count
        count += 1
        with open(f"{folder}/new", "wb") as file:
            file.write(f"HELO {session.host_name}\nFROM {envelope.mail_from}\n".encode())
            file.write(f"TO {' '.join(envelope.rcpt_tos)}\n".encode())
            file.write(envelope.original_content)
        import os
        os.rename(f"{folder}/new", f"{folder}/mail-{count}")
        return "250 taken"
certificate = sys.argv[3]
def login(server, session, envelope, mechanism, data):
    good = data.login == b"lb" and data.password == password.encode()
    return AuthResult(success=good, handled=False)
async def main():
    options = {}
    if password:
        options = dict(authenticator=login, auth_required=True, auth_require_tls=bool(certificate))
        if password == "login":
            options["auth_exclude_mechanism"] = ["PLAIN"]
    if certificate:
        import ssl
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, certificate)
        options.update(tls_context=context, require_starttls=True)
    make = lambda: SMTP(Handler(), hostname="mx.example", **options)
    server = await asyncio.get_running_loop().create_server(make, "127.0.0.1", 2525)
    open(f"{folder}/ready", "w").close()
    await server.serve_forever()
asyncio.run(main())
"#;

struct Server {
    machine: Namespace,
    folder: TempDir,
    _process: Process,
}

impl Server {
    fn start(password: &str) -> Result<Self> {
        Self::start_on(Namespace::new("mx")?, password, "")
    }

    /// With `certificate`, the name of a file with it and its key, only after STARTTLS.
    fn start_on(machine: Namespace, password: &str, certificate: &str) -> Result<Self> {
        let folder = TempDir::new()?;
        let process = machine.start(
            Command::new("/usr/bin/python3")
                .args(["-c", SERVER])
                .arg(folder.path())
                .args([password, certificate])
                .stdin(Stdio::null()),
        )?;
        let ready = folder.path().join("ready");
        wait_until(PATIENCE, || ready.exists().then_some(())).context("no server")?;
        Ok(Self {
            machine,
            folder,
            _process: process,
        })
    }

    /// Sends mails about these states of an instance, and waits until they are sent or given up.
    fn send(&self, states: &[State], to: &[&str], password: Option<&str>) -> Result<()> {
        let settings = Settings {
            server: SocketAddr::from(([127, 0, 0, 1], 2525)).into(),
            timeout: PATIENCE,
            helo_name: "director.example".into(),
            credentials: password.map(|password| Credentials {
                user: "lb".into(),
                password: password.into(),
            }),
            tls: None,
            envelope: Envelope {
                from: "lb@example.com".into(),
                to: to.iter().map(|to| (*to).into()).collect(),
            },
        };
        self.machine.enter(|| {
            let runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = { runtime }.enable_all().build()?;
            runtime.block_on(async {
                let handle = mailer::spawn(settings);
                for state in states {
                    let event = Event {
                        subject: Subject::Instance("VI_1".into()),
                        what: What::Entered(*state),
                        priority: 100,
                    };
                    handle.mailer().send(event.mail("RTR").context("no mail")?);
                }
                handle.finish(PATIENCE).await;
                Ok(())
            })
        })
    }

    fn mail(&self, number: usize) -> PathBuf {
        self.folder.path().join(format!("mail-{number}"))
    }

    /// The mails with numbers beyond `before` until `count` have come, without their dates.
    fn mails(&self, before: usize, count: usize) -> Result<Vec<String>> {
        let numbers = before + 1..=before + count;
        let all = || {
            numbers
                .clone()
                .all(|it| self.mail(it).exists())
                .then_some(())
        };
        wait_until(PATIENCE, all).with_context(|| format!("no {count} mails after {before}"))?;
        let text = |number| {
            let text = read(&self.mail(number))?;
            let lines = text.lines().filter(|line| !line.starts_with("Date: "));
            Ok(lines.collect::<Vec<_>>().join("\n"))
        };
        let mut mails: Vec<String> = numbers.map(text).collect::<Result<_>>()?;
        mails.sort();
        Ok(mails)
    }
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).with_context(|| format!("no {}", path.display()))
}

#[test]
fn a_real_server_takes_our_mails() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let server = Server::start("")?;
    let to = ["a@example.com", "b@closed.example", "c@example.com"];
    server.send(&[State::Backup, State::Master], &to, None)?;
    let mail = read(&server.mail(2))?;
    let (head, rest) = mail.split_once("Date: ").context(mail.clone())?;
    ensure!(
        head == "HELO director.example\nFROM lb@example.com\nTO a@example.com c@example.com\n",
        "{mail}"
    );
    let (_date, rest) = rest.split_once("\r\n").context(mail.clone())?;
    ensure!(
        rest == "From: lb@example.com\r\n\
                 Subject: [RTR] VRRP Instance VI_1 - Entering MASTER state\r\n\
                 X-Mailer: Keepalived\r\n\
                 To: a@example.com, b@closed.example, c@example.com\r\n\
                 \r\n\
                 => VRRP Instance is now owning VRRP VIPs <=\r\n\
                 \r\n",
        "{mail}"
    );
    ensure!(read(&server.mail(1))?.contains("Entering BACKUP state"));
    Ok(())
}

#[test]
fn a_real_server_knows_us_by_our_password() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    // The second server offers LOGIN only.
    for password in ["plain or login", "login"] {
        let server = Server::start(password)?;
        server.send(&[State::Fault], &["a@example.com"], Some("wrong"))?;
        ensure!(!server.mail(1).exists(), "a wrong password was taken");
        server.send(&[State::Fault], &["a@example.com"], Some(password))?;
        ensure!(read(&server.mail(1))?.contains("Entering FAULT state"));
    }
    Ok(())
}

/// The director, which runs the mail server as well.
const DIRECTOR: &str = "\
vrrp_instance VI_1 {
    interface eth0
    virtual_router_id 51
    priority 200
    smtp_alert
    virtual_ipaddress {
        10.0.0.100
    }
}
virtual_server 10.0.0.100 80 {
    delay_loop 1
    lb_kind DR
    protocol TCP
    real_server 10.0.0.9 80 {
        weight 1
        smtp_alert
        TCP_CHECK {
            connect_timeout 1
            retry 1
            delay_before_retry 1
        }
    }
}
";

impl Server {
    /// A server on a director with an interface.
    fn on_a_director(switch: &Switch, password: &str, certificate: &str) -> Result<Self> {
        let machine = Namespace::new("director1")?;
        switch.plug(&machine, "eth0", "10.0.0.1/24")?;
        Self::start_on(machine, password, certificate)
    }

    /// An agent with [`DIRECTOR`] and more in `global_defs`.
    fn agent(&self, more: &str) -> Result<Agent> {
        let text = format!(
            "global_defs {{\n router_id RTR\n notification_email {{\n a@example.com\n }}\n \
             notification_email_from lb@example.com\n smtp_server 127.0.0.1 2525\n {more}\n}}\n\
             {DIRECTOR}"
        );
        Agent::start(&self.machine, &text)
    }

    /// Waits for a mail with this subject and this line.
    fn wait_for(&self, subject: &str, line: &str) -> Result<String> {
        let is_it = |mail: &String| {
            let mut lines = mail.lines();
            lines.any(|it| it == format!("Subject: [RTR] {subject}")) && lines.any(|it| it == line)
        };
        let find = || {
            let mails = (1..).map(|number| fs::read_to_string(self.mail(number)));
            mails.map_while(Result::ok).find(is_it)
        };
        wait_until(PATIENCE, find).with_context(|| format!("no mail {subject:?}, {line:?}"))
    }
}

#[test]
fn an_agent_tells_of_its_instances_and_servers_by_mail() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let switch = Switch::new("outside")?;
    let server = Server::on_a_director(&switch, "", "")?;
    let agent = server.agent("")?;
    let of_instance = "VRRP Instance VI_1 - Entering MASTER state";
    server.wait_for(of_instance, "=> VRRP Instance is now owning VRRP VIPs <=")?;
    let of_server = "Realserver [10.0.0.9]:tcp:80 of virtual server [10.0.0.100]:tcp:80 - DOWN";
    let mail = server.wait_for(of_server, "=> TCP CHECK failed on service <=")?;
    ensure!(
        mail.contains("\nFROM lb@example.com\nTO a@example.com\n"),
        "{mail}"
    );
    let exit = agent.terminate()?;
    ensure!(exit.status.success(), "{}", exit.log);
    // The end waits for it.
    server.wait_for(
        "VRRP Instance VI_1 - Stopping",
        "=> VRRP Instance stopping <=",
    )?;
    Ok(())
}

#[test]
fn mails_go_over_starttls_with_a_password_and_only_to_a_server_that_proves_its_name() -> Result<()>
{
    if skipped(&NEEDS) || skipped(&[Need::Program("openssl")]) {
        return Ok(());
    }
    let folder = TempDir::new()?;
    let make = |name: &str| -> Result<String> {
        let path = folder.path().join(name).display().to_string();
        checked(
            Command::new("openssl")
                .args([
                    "req",
                    "-x509",
                    "-newkey",
                    "ec",
                    "-pkeyopt",
                    "ec_paramgen_curve:P-256",
                    "-nodes",
                    "-days",
                    "2",
                    "-subj",
                    "/CN=mx",
                    "-addext",
                    "subjectAltName=IP:127.0.0.1",
                    "-addext",
                    "basicConstraints=critical,CA:FALSE",
                    "-keyout",
                    &path,
                    "-out",
                ])
                .arg(format!("{path}.crt")),
        )?;
        let certificate = fs::read_to_string(format!("{path}.crt"))?;
        fs::write(
            &path,
            format!("{}{certificate}", fs::read_to_string(&path)?),
        )?;
        Ok(path)
    };
    let (right, wrong) = (make("right")?, make("wrong")?);
    let switch = Switch::new("outside")?;
    let server = Server::on_a_director(&switch, "secret", &right)?;
    let settings = |ca: &str| {
        format!(
            "xdp_smtp_tls starttls\n xdp_smtp_ca {ca}.crt\n xdp_smtp_user lb\n \
             xdp_smtp_password secret"
        )
    };
    let mut agent = server.agent(&settings(&wrong))?;
    agent.wait_for("TLS with SMTP server [127.0.0.1]:2525 fails", PATIENCE)?;
    ensure!(!server.mail(1).exists(), "somebody else got a mail");
    // The mail that waits is lost with the agent.
    drop(agent);
    let agent = server.agent(&settings(&right))?;
    let of_instance = "VRRP Instance VI_1 - Entering MASTER state";
    server.wait_for(of_instance, "=> VRRP Instance is now owning VRRP VIPs <=")?;
    ensure!(!agent.log().contains("in the clear"), "{}", agent.log());
    ensure!(!agent.log().contains("secret"), "{}", agent.log());
    Ok(())
}

/// 10.0.0.1 is asked at 127.0.0.1:8080; 10.0.0.2 keeps its troubles to itself, and nobody is there.
const CONFIGURATION: &str = "global_defs {
 router_id RTR
 notification_email {
  ops@example.com
 }
 notification_email_from lb@example.com
 smtp_server 127.0.0.1 2525
 smtp_helo_name director.example
}
virtual_server 192.0.2.1 80 {
 delay_loop 1
 warmup 0
 retry 0
 connect_timeout 5
 lb_algo rr
 lb_kind DR
 protocol TCP
 smtp_alert
 alpha
 real_server 10.0.0.1 80 {
  TCP_CHECK {
   connect_ip 127.0.0.1
   connect_port 8080
  }
 }
 real_server 10.0.0.2 80 {
  smtp_alert off
  TCP_CHECK {
   connect_ip 127.0.0.1
   connect_port 8081
  }
 }
}
";

/// The mail that says this of a server.
fn mail(subject: &str, body: &str) -> String {
    format!(
        "HELO director.example\nFROM lb@example.com\nTO ops@example.com\nFrom: lb@example.com\n\
         Subject: [RTR] {subject}\nX-Mailer: Keepalived\nTo: ops@example.com\n\n=> {body} <=\n"
    )
}

#[test]
fn an_agent_mails_what_becomes_of_its_servers() -> Result<()> {
    if skipped(&NEEDS) || skipped(&[Need::Bpf]) {
        return Ok(());
    }
    let server = Server::start("")?;
    let machine = &server.machine;
    machine.ip("link add v0 type veth peer name v1")?;
    machine.ip("link set v0 up")?;
    machine.ip("link set v1 up")?;
    machine.ip("address add 192.0.2.1/24 dev v0")?;
    let listen = || machine.enter(|| Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 8080))?));
    let web = listen()?;
    let mut agent = Agent::start(machine, CONFIGURATION)?;
    let name = "Realserver [10.0.0.1]:tcp:80 of virtual server [192.0.2.1]:tcp:80";
    let service = "Virtualserver [192.0.2.1]:tcp:80";
    let up = [
        mail(&format!("{name} - UP"), "TCP CHECK succeed on service"),
        mail(&format!("{service} - UP"), "Gained quorum 1+0=1 <= 1"),
    ];
    let down = [
        mail(&format!("{name} - DOWN"), "TCP CHECK failed on service")
            + "\nConnection refused (os error 111).\n",
        mail(&format!("{service} - DOWN"), "Lost quorum 1-0=1 > 0"),
    ];
    let expect = |before, mails: &[String]| {
        let came = server.mails(before, mails.len());
        let came = came.with_context(|| agent.log())?;
        ensure!(came == mails, "{came:#?}");
        anyhow::Ok(())
    };
    expect(0, &up)?;
    drop(web);
    expect(2, &down)?;
    let _web = listen()?;
    expect(4, &up)?;
    agent.wait_for("TCP_CHECK on service [10.0.0.2]:tcp:80 failed", PATIENCE)?;
    agent.terminate()?;
    ensure!(!server.mail(7).exists(), "{}", read(&server.mail(7))?);
    Ok(())
}
