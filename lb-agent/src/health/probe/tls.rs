//! The TLS side of `SSL_GET`: one client configuration, made from the `SSL` block.
//!
//! TLS 1.2 and 1.3. As in keepalived a server may show any certificate, unless `ca` is given:
//! then the chain must lead there. The name in it is not compared, as keepalived does not either:
//! servers are checked by address.

mod failure;
mod verifier;

use std::error::Error as _;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::Resumption;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem};
use rustls::{ClientConfig, crypto::ring};
use serde::{Serialize, Serializer};
use thiserror::Error;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::config::model::Ssl;

pub(super) use self::failure::describe;
use self::verifier::Verifier;

/// `SSL`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, Serialize)]
pub struct TlsSettings {
    /// `ca`: certificates that a server's must lead to; without it any will do.
    pub ca: Option<PathBuf>,
    /// `certificate`: shown to servers that ask for one; with its chain.
    pub certificate: Option<PathBuf>,
    /// `key` of `certificate`, without a password.
    pub key: Option<PathBuf>,
}

/// What a file of the `SSL` block lacks.
#[derive(Debug, Error)]
pub enum TlsError {
    /// The file cannot be read or has nothing of the kind.
    #[error("SSL: `{keyword} {}` cannot be used", path.display())]
    File {
        /// Which one.
        keyword: &'static str,
        /// Its path.
        path: PathBuf,
        /// Why.
        source: pem::Error,
    },
    /// `certificate` and `key` come together.
    #[error("SSL: `certificate` and `key` are of no use without each other")]
    Half,
    /// They do not fit together, or `ca` has nothing to trust.
    #[error("SSL: these files cannot be used")]
    Unfit(#[from] rustls::Error),
    /// `ca` has no certificate that could be trusted.
    #[error("SSL: `ca` has no usable certificate")]
    Roots(#[from] rustls::client::VerifierBuilderError),
}

impl TlsError {
    /// The file that it is about; `None`: it is about all of them.
    #[must_use]
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::File { path, .. } => Some(path),
            Self::Half | Self::Unfit(_) | Self::Roots(_) => None,
        }
    }

    /// With its cause.
    #[must_use]
    pub fn in_full(&self) -> String {
        let cause = self.source().map(|cause| format!(": {cause}"));
        format!("{self}{}", cause.unwrap_or_default())
    }
}

/// Ready to speak TLS.
pub struct TlsClient {
    settings: TlsSettings,
    /// `None`: not even the library's defaults can be used.
    configs: Option<Configs>,
}

struct Configs {
    named: Arc<ClientConfig>,
    /// The same without the name in the handshake.
    nameless: Arc<ClientConfig>,
}

impl TlsClient {
    /// Reads the files of the block.
    pub fn new(settings: &TlsSettings) -> Result<Self, TlsError> {
        Ok(Self {
            settings: settings.clone(),
            configs: Some(Configs::new(settings)?),
        })
    }

    /// What there is without the block.
    #[must_use]
    pub fn without_files() -> Self {
        let settings = TlsSettings::default();
        Self {
            configs: Configs::new(&settings).ok(),
            settings,
        }
    }

    /// The handshake over `stream` to `address`, naming `name` in it where it is one.
    pub(super) async fn connect(
        &self,
        stream: TcpStream,
        address: IpAddr,
        name: Option<&str>,
    ) -> io::Result<TlsStream<TcpStream>> {
        let configs = self.configs.as_ref();
        let configs = configs.ok_or_else(|| io::Error::other("there is no TLS here"))?;
        let named = name.and_then(|name| ServerName::try_from(name.to_owned()).ok());
        let (config, name) = match named {
            Some(name) => (&configs.named, name),
            None => (&configs.nameless, ServerName::IpAddress(address.into())),
        };
        TlsConnector::from(Arc::clone(config))
            .connect(name, stream)
            .await
    }
}

impl Configs {
    fn new(settings: &TlsSettings) -> Result<Self, TlsError> {
        let provider = Arc::new(ring::default_provider());
        let ca = settings.ca.as_deref().map(|path| chain("ca", path));
        let verifier = Arc::new(Verifier::new(&provider, ca.transpose()?)?);
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(verifier);
        let mut config = match (&settings.certificate, &settings.key) {
            (None, None) => builder.with_no_client_auth(),
            (Some(certificate), Some(key)) => {
                builder.with_client_auth_cert(chain("certificate", certificate)?, own_key(key)?)?
            }
            (Some(_), None) | (None, Some(_)) => return Err(TlsError::Half),
        };
        // A session that is resumed shows no certificate: nobody would notice that it has expired, or
        // that another server answers under the same name.
        config.resumption = Resumption::disabled();
        let mut nameless = config.clone();
        nameless.enable_sni = false;
        Ok(Self {
            named: Arc::new(config),
            nameless: Arc::new(nameless),
        })
    }
}

impl From<&Ssl> for TlsSettings {
    fn from(ssl: &Ssl) -> Self {
        Self {
            ca: ssl.ca.clone(),
            certificate: ssl.certificate.clone(),
            key: ssl.key.clone(),
        }
    }
}

fn chain(keyword: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    CertificateDer::pem_file_iter(path)
        .and_then(Iterator::collect)
        .map_err(|source| unreadable(keyword, path, source))
}

fn own_key(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    PrivateKeyDer::from_pem_file(path).map_err(|source| unreadable("key", path, source))
}

fn unreadable(keyword: &'static str, path: &Path, source: pem::Error) -> TlsError {
    TlsError::File {
        keyword,
        path: path.to_owned(),
        source,
    }
}

impl PartialEq for TlsClient {
    fn eq(&self, other: &Self) -> bool {
        self.settings == other.settings
    }
}

impl Eq for TlsClient {}

impl Hash for TlsClient {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.settings.hash(state);
    }
}

impl fmt::Debug for TlsClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.settings.fmt(f)
    }
}

impl Serialize for TlsClient {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.settings.serialize(serializer)
    }
}

#[cfg(test)]
mod tests;
