//! `HTTP_GET` and `SSL_GET`.

use std::sync::Arc;

use serde::{Serialize, Serializer};

use crate::config::model::HttpProtocol;
use crate::health::probe::http::pattern::Pattern;
use crate::health::probe::tls::TlsClient;

/// What `HTTP_GET` and `SSL_GET` share.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct HttpGet {
    /// `url` blocks, at least one.
    pub urls: Vec<Url>,
    /// `http_protocol`.
    pub http_protocol: HttpProtocol,
    /// `fast_recovery`: while the server is not up the next url follows without a delay.
    pub fast_recovery: bool,
}

/// `SSL_GET`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct SslGet {
    /// What it shares with `HTTP_GET`.
    pub get: HttpGet,
    /// `enable_sni`: the name of the url is sent in the handshake.
    pub enable_sni: bool,
    /// `sni_name`: this name instead of the virtualhost.
    pub sni_name: Option<String>,
    /// The `SSL` block.
    #[serde(serialize_with = "as_itself")]
    pub tls: Arc<TlsClient>,
}

fn as_itself<S: Serializer>(tls: &Arc<TlsClient>, serializer: S) -> Result<S::Ok, S::Error> {
    tls.serialize(serializer)
}

/// `url`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Url {
    /// `path`.
    pub path: String,
    /// `status_code`: inclusive ranges.
    pub status_code: Vec<(u16, u16)>,
    /// `virtualhost` of the url, the checker, the real or the virtual server.
    pub virtualhost: Option<String>,
    /// What the body must be.
    pub body: UrlBody,
    /// `tls_compliant`: a TLS connection that ends without a word is an error.
    pub tls_compliant: bool,
}

impl Url {
    /// `path` with status 200 to 299, any body.
    #[must_use]
    pub fn new(path: &str) -> Self {
        Self {
            path: path.to_owned(),
            status_code: vec![(200, 299)],
            virtualhost: None,
            body: UrlBody::default(),
            tls_compliant: false,
        }
    }

    /// Whether `status` is one of `status_code`.
    #[must_use]
    pub fn accepts(&self, status: u16) -> bool {
        self.status_code
            .iter()
            .any(|&(first, last)| (first..=last).contains(&status))
    }
}

/// What a body is compared with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct UrlBody {
    /// `digest`: its MD5.
    pub digest: Option<[u8; 16]>,
    /// `regex` and what belongs to it.
    pub regex: Option<Pattern>,
}
