//! Certificates of other times than now, which stand in `ca` themselves or lead there.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::Result;
use lb_tests::{checked, skipped};
use tempfile::TempDir;

use super::{NEEDS, case, expect_with, machine, peers};

/// What `openssl ca` is told.
const CONF: &str = "[ca]\ndefault_ca = here\n[here]\ndatabase = index\nserial = serial\n\
                    new_certs_dir = .\ndefault_md = sha256\npolicy = any\nunique_subject = no\n\
                    [any]\ncommonName = supplied\n[anchor]\nbasicConstraints = critical,CA:TRUE\n\
                    [leaf]\nbasicConstraints = CA:FALSE\n";

/// From and until when.
type Dates = (&'static str, &'static str);

const PAST: Dates = ("20200101000000Z", "20210101000000Z");
const PRESENT: Dates = ("20200101000000Z", "20980101000000Z");
const FUTURE: Dates = ("20970101000000Z", "20980101000000Z");

/// Somebody who signs.
struct Authority(TempDir);

impl Authority {
    fn new() -> Result<Self> {
        let folder = tempfile::tempdir()?;
        fs::write(folder.path().join("ca.conf"), CONF)?;
        fs::write(folder.path().join("index"), "")?;
        let authority = Self(folder);
        authority.sign("authority", None, PRESENT)?;
        Ok(authority)
    }

    fn folder(&self) -> &Path {
        self.0.path()
    }

    /// Makes `NAME.key` and `NAME.cert` of www.example.org, signed by the `issuer` or itself.
    fn sign(&self, name: &str, issuer: Option<&str>, (from, until): Dates) -> Result<()> {
        let [key, request, cert] = ["key", "request", "cert"].map(|it| format!("{name}.{it}"));
        let mut ask = Command::new("openssl");
        ask.args(["req", "-new", "-newkey", "ec", "-nodes"])
            .args(["-pkeyopt", "ec_paramgen_curve:prime256v1"])
            .args(["-subj", "/CN=www.example.org"])
            .args(["-keyout", &key, "-out", &request])
            .current_dir(self.folder());
        checked(&mut ask)?;
        let mut sign = Command::new("openssl");
        sign.args([
            "ca",
            "-batch",
            "-notext",
            "-create_serial",
            "-config",
            "ca.conf",
        ])
        .args(["-startdate", from, "-enddate", until])
        .args(["-in", &request, "-out", &cert]);
        match issuer {
            None => sign.args(["-selfsign", "-extensions", "anchor", "-keyfile", &key]),
            Some(issuer) => sign
                .args(["-extensions", "leaf"])
                .args(["-cert", &format!("{issuer}.cert")])
                .args(["-keyfile", &format!("{issuer}.key")]),
        };
        checked(sign.current_dir(self.folder())).map(drop)
    }
}

#[test]
fn with_ca_a_certificate_of_another_time_is_refused_and_the_log_says_so() -> Result<()> {
    if skipped(&NEEDS) {
        return Ok(());
    }
    let machine = machine("dates")?;
    let authority = Authority::new()?;
    let failed =
        "HTTP_CHECK on service RS failed. url(/): TLS handshake: invalid peer certificate: ";
    let [up, past, future] = [
        "Remote Web server RS succeed on service.".to_owned(),
        format!("{failed}certificate expired: "),
        format!("{failed}certificate not valid yet: "),
    ];
    let mut trusted = fs::read_to_string(authority.folder().join("authority.cert"))?;
    let (mut cases, mut servers) = (Vec::new(), Vec::new());
    for (place, (issuer, dates, line)) in (1..).zip([
        (None, PRESENT, &up),
        (None, PAST, &past),
        (None, FUTURE, &future),
        (Some("authority"), PRESENT, &up),
        (Some("authority"), PAST, &past),
        (Some("authority"), FUTURE, &future),
    ]) {
        let name = format!("server{place}");
        authority.sign(&name, issuer, dates)?;
        let cert = authority.folder().join(format!("{name}.cert"));
        if issuer.is_none() {
            trusted.push_str(&fs::read_to_string(&cert)?);
        }
        let port = 8440 + place;
        servers.push(peers::page_server(
            &machine,
            port,
            authority.folder(),
            &name,
        )?);
        let url = "enable_sni\nurl {\n path /\n virtualhost www.example.org\n}";
        cases.push(case(usize::from(place), "SSL_GET", port, url, line));
    }
    let ca = authority.folder().join("trusted");
    fs::write(&ca, trusted)?;
    let ssl = format!("SSL {{\n ca {}\n}}\n", ca.display());
    expect_with(&machine, &ssl, &cases).map(drop)
}
