//! Servers that others have written.

use std::fs;
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use lb_tests::{Namespace, Process, checked, wait_until};
use tempfile::TempDir;

/// A program and the folder of its files; dropped, it is killed.
pub(crate) struct Peer {
    _process: Process,
    folder: TempDir,
}

impl Peer {
    /// One of its files.
    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

/// nginx with TLS for www.example.org only: a handshake without that name is refused, but 10 000
/// ports above.
pub(crate) fn tls_server(machine: &Namespace, port: u16) -> Result<Peer> {
    let folder = certificate("ec")?;
    let text = format!(
        "daemon off;\nmaster_process off;\npid pid;\nevents {{}}\nhttp {{\naccess_log off;\n\
         client_body_temp_path body;\nproxy_temp_path proxy;\nfastcgi_temp_path fastcgi;\n\
         uwsgi_temp_path uwsgi;\nscgi_temp_path scgi;\n\
         server {{ listen {port} ssl default_server; listen [::1]:{port} ssl default_server;\n\
         ssl_reject_handshake on; }}\n\
         server {{ listen {port} ssl; listen [::1]:{port} ssl; listen {nameless} ssl;\n\
         server_name www.example.org;\n\
         ssl_certificate {folder}/cert; ssl_certificate_key {folder}/key;\n\
         location / {{ return 200 \"served by nginx over TLS\\n\"; }} }}\n}}\n",
        folder = folder.path().display(),
        nameless = port + 10_000,
    );
    write(folder.path(), "nginx.conf", &text)?;
    let mut nginx = Command::new("nginx");
    nginx
        .args(["-e", "error.log", "-c"])
        .arg(folder.path().join("nginx.conf"))
        .arg("-p")
        .arg(folder.path());
    start(machine, nginx, folder, port)
}

/// A server of OpenSSL that speaks TLS only as `protocol` says, `tls1` or `tls1_1`.
pub(crate) fn old_tls_server(machine: &Namespace, port: u16, protocol: &str) -> Result<Peer> {
    let folder = certificate("rsa:2048")?;
    let mut openssl = Command::new("openssl");
    openssl
        .args(["s_server", "-quiet", "-www", "-key", "key", "-cert", "cert"])
        .args(["-accept", &format!("127.0.0.1:{port}")])
        .args([&format!("-{protocol}"), "-cipher", "ALL:@SECLEVEL=0"])
        .stdin(Stdio::null())
        .current_dir(folder.path());
    start(machine, openssl, folder, port)
}

/// A server of OpenSSL that has a page, with `NAME.cert` and `NAME.key` of `folder`.
pub(crate) fn page_server(
    machine: &Namespace,
    port: u16,
    folder: &Path,
    name: &str,
) -> Result<Peer> {
    let own = tempfile::tempdir()?;
    let mut openssl = Command::new("openssl");
    openssl
        .args(["s_server", "-quiet", "-www"])
        .args([
            "-key",
            &format!("{name}.key"),
            "-cert",
            &format!("{name}.cert"),
        ])
        .args(["-accept", &format!("127.0.0.1:{port}")])
        .stdin(Stdio::null())
        .current_dir(folder);
    start(machine, openssl, own, port)
}

/// A folder with `key`, of this kind, and the `cert` of www.example.org.
pub(crate) fn certificate(kind: &str) -> Result<TempDir> {
    let folder = tempfile::tempdir()?;
    let mut openssl = Command::new("openssl");
    openssl.args(["req", "-x509", "-newkey", kind, "-nodes", "-days", "2"]);
    if kind == "ec" {
        openssl.args(["-pkeyopt", "ec_paramgen_curve:prime256v1"]);
    }
    openssl.args([
        "-subj",
        "/CN=www.example.org",
        "-keyout",
        "key",
        "-out",
        "cert",
    ]);
    checked(openssl.stderr(Stdio::null()).current_dir(folder.path()))?;
    Ok(folder)
}

/// dnsmasq that knows www.example.org and refuses everything else.
pub(crate) fn dns_server(machine: &Namespace, port: u16) -> Result<Peer> {
    let folder = tempfile::tempdir()?;
    let mut dnsmasq = Command::new("dnsmasq");
    dnsmasq
        .args([
            "-k",
            "-C",
            "/dev/null",
            "-R",
            "-h",
            "-u",
            "root",
            "--pid-file=",
        ])
        .args(["-p", &port.to_string()])
        .arg("--address=/www.example.org/192.0.2.7");
    start(machine, dnsmasq, folder, port)
}

/// exim that takes no mail, and no HELO of refused.example.org.
pub(crate) fn mail_server(machine: &Namespace, port: u16) -> Result<Peer> {
    let folder = tempfile::tempdir()?;
    let text = format!(
        "primary_hostname = mx.example.org\nlocal_interfaces = <; 127.0.0.1 ; ::1\n\
         daemon_smtp_ports = {port}\ntls_advertise_hosts =\nspool_directory = {folder}/spool\n\
         log_file_path = {folder}/%slog\npid_file_path = {folder}/pid\n\
         exim_user = root\nexim_group = root\nnever_users =\nrfc1413_query_timeout = 0s\n\
         host_lookup =\nacl_smtp_helo = hello\nacl_smtp_connect = all\n\
         begin acl\nall:\n accept\nhello:\n deny condition = \
         ${{if eq{{$sender_helo_name}}{{refused.example.org}}}}\n accept\n",
        folder = folder.path().display()
    );
    write(folder.path(), "exim.conf", &text)?;
    let mut exim = Command::new("exim4");
    exim.args(["-bdf", "-C"])
        .arg(folder.path().join("exim.conf"));
    start(machine, exim, folder, port)
}

fn write(folder: &Path, name: &str, text: &str) -> Result<()> {
    fs::write(folder.join(name), text).with_context(|| format!("cannot write {name}"))
}

/// Starts `command`; ready when something listens on `port`.
fn start(machine: &Namespace, mut command: Command, folder: TempDir, port: u16) -> Result<Peer> {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let process = machine.start(&mut command)?;
    let listens = || {
        let connected = machine.enter(|| Ok(TcpStream::connect(("127.0.0.1", port)).is_ok()));
        connected.unwrap_or(false).then_some(())
    };
    let ready = wait_until(Duration::from_secs(15), listens);
    ensure!(ready.is_some(), "{command:?} does not start");
    Ok(Peer {
        _process: process,
        folder,
    })
}
