//! `genhash`: the digest of a page, for `digest` in the configuration; keepalived's tool of that
//! name, with its options.

use std::io::Write as _;
use std::net::{SocketAddr, ToSocketAddrs as _};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use crate::health::probe::ProbeResult;
use crate::health::probe::http::fetch;
use crate::health::probe::http::response::{Response, hex};
use crate::health::probe::tls::TlsClient;
use crate::health::spec::{HttpGet, HttpProtocol, SslGet, Target, Url, UrlBody};

/// What to fetch.
#[derive(Debug, clap::Args)]
pub(super) struct Arguments {
    /// Name or address of the server.
    #[arg(short, long, value_name = "HOST")]
    server: String,
    /// Its port; default: 80, with TLS 443.
    #[arg(short, long, value_name = "PORT")]
    port: Option<u16>,
    /// Path of the page.
    #[arg(short, long, value_name = "PATH", default_value = "/")]
    url: String,
    /// Over TLS.
    #[arg(short = 'S', long)]
    use_ssl: bool,
    /// With SNI: the virtual host is named in the TLS handshake, as a check with `enable_sni` does.
    #[arg(short = 'I', long)]
    use_sni: bool,
    /// The virtual host to ask for; default: HOST.
    #[arg(short = 'V', long, value_name = "HOST")]
    use_virtualhost: Option<String>,
    /// HTTP version.
    #[arg(
        short = 'P',
        long,
        alias = "protocol",
        value_name = "VERSION",
        default_value = "1.0",
        value_parser = protocol
    )]
    http_protocol: HttpProtocol,
    /// Seconds for the connection and for each read.
    #[arg(short, long, value_name = "SECONDS", default_value = "5")]
    timeout: u32,
    /// Mark of the packets.
    #[arg(short = 'm', long, value_name = "MARK", default_value = "0")]
    fwmark: u32,
    /// Show the status, too.
    #[arg(short, long)]
    verbose: bool,
}

fn protocol(text: &str) -> Result<HttpProtocol, String> {
    match text {
        "1.0" => Ok(HttpProtocol::V1_0),
        "1.0C" | "1.0c" => Ok(HttpProtocol::V1_0Close),
        "1.1" => Ok(HttpProtocol::V1_1),
        _ => Err("one of 1.0, 1.0C, 1.1".to_owned()),
    }
}

/// Prints the digest.
#[expect(
    clippy::print_stderr,
    reason = "what went wrong is for the person at the terminal"
)]
pub(super) fn main(arguments: &Arguments) -> ExitCode {
    match digest(arguments) {
        Ok(text) => match writeln!(std::io::stdout(), "{text}") {
            Ok(()) => ExitCode::SUCCESS,
            Err(_closed) => ExitCode::FAILURE,
        },
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn digest(arguments: &Arguments) -> Result<String, String> {
    let server = address(arguments)?;
    let target = Target {
        connect_timeout: Duration::from_secs(arguments.timeout.into()),
        fwmark: arguments.fwmark,
        ..Target::new(server)
    };
    let host = arguments.use_virtualhost.as_ref();
    let url = Url {
        virtualhost: Some(host.unwrap_or(&arguments.server).clone()),
        // Any: it says that there is a digest to be made.
        body: UrlBody {
            digest: Some([0; 16]),
            regex: None,
        },
        ..Url::new(&arguments.url)
    };
    let get = HttpGet {
        urls: vec![url.clone()],
        http_protocol: arguments.http_protocol,
        fast_recovery: false,
    };
    let ssl = arguments.use_ssl.then(|| SslGet {
        get: get.clone(),
        enable_sni: arguments.use_sni,
        sni_name: None,
        tls: Arc::new(TlsClient::without_files()),
    });
    let mut response = Response::new(&url.body);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| error.to_string())?;
    let fetched = runtime.block_on(fetch(&target, &get, ssl.as_ref(), &url, &mut response));
    match fetched {
        Ok(()) | Err(ProbeResult::Success | ProbeResult::Weighs(_)) => {}
        Err(ProbeResult::Failed(failure)) => return Err(format!("{server}: {failure}")),
        Err(ProbeResult::NotProbed(error)) => return Err(format!("{server}: {error}")),
    }
    let digest = response.digest().map(hex).unwrap_or_default();
    Ok(match response.status().filter(|_| arguments.verbose) {
        Some(status) => format!("status_code [{status}]\n{digest}"),
        None => digest,
    })
}

fn address(arguments: &Arguments) -> Result<SocketAddr, String> {
    let port = if arguments.use_ssl { 443 } else { 80 };
    let port = arguments.port.unwrap_or(port);
    let server = &arguments.server;
    let mut addresses = (server.as_str(), port)
        .to_socket_addrs()
        .map_err(|error| format!("{server}: {error}"))?;
    addresses
        .next()
        .ok_or_else(|| format!("{server} has no address"))
}

#[cfg(test)]
mod tests;
