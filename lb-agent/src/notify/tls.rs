//! TLS to the mail server: its certificate has to be right.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::runtime::files;

/// Whom the system trusts, on Debian and its kin, and on Red Hat's.
const SYSTEM: [&str; 2] = [
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
];

/// More than any bundle.
const MAX_BUNDLE: u64 = 16 * 1024 * 1024;

/// Why nothing can be secured.
#[derive(Debug, Error)]
pub enum TlsError {
    /// Whom to trust is not known.
    #[error("cannot read {}: {source}", path.display())]
    Read {
        /// `xdp_smtp_ca`, or the system's bundle.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// There is nobody to trust.
    #[error("{} holds no certificate", path.display())]
    Empty {
        /// That file.
        path: PathBuf,
    },
    /// The library's words.
    #[error("TLS cannot be used: {0}")]
    Setup(#[from] rustls::Error),
}

/// What a connection is secured with. Equal are those that trust the same.
#[derive(Clone)]
pub struct Tls {
    bundle: Arc<[u8]>,
    config: Arc<ClientConfig>,
}

impl PartialEq for Tls {
    fn eq(&self, other: &Self) -> bool {
        self.bundle == other.bundle
    }
}

impl Eq for Tls {}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Tls({} bytes of certificates)", self.bundle.len())
    }
}

impl Tls {
    /// Trusts the authorities in `ca` (PEM), by default those of the system. Reads the file.
    pub fn read(ca: Option<&Path>) -> Result<Self, TlsError> {
        let [debian, red_hat] = SYSTEM.map(Path::new);
        let system = || if debian.exists() { debian } else { red_hat };
        let path = ca.unwrap_or_else(system);
        let bundle = files::read(path, MAX_BUNDLE).map_err(|source| TlsError::Read {
            path: path.to_owned(),
            source,
        })?;
        let mut roots = RootCertStore::empty();
        // One that cannot be read vouches for nobody.
        roots.add_parsable_certificates(CertificateDer::pem_slice_iter(&bundle).flatten());
        if roots.is_empty() {
            return Err(TlsError::Empty {
                path: path.to_owned(),
            });
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        Ok(Self {
            bundle: bundle.into(),
            config: Arc::new(config),
        })
    }

    /// Secures a connection to `host`, a name or an address, which the server has to prove to be.
    pub async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
        &self,
        host: &str,
        stream: S,
    ) -> io::Result<TlsStream<S>> {
        let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
        let connector = TlsConnector::from(Arc::clone(&self.config));
        connector.connect(name, stream).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_that_vouches_for_nobody_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        let said = |path: &Path| Tls::read(Some(path)).unwrap_err().to_string();
        assert!(said(&path).starts_with("cannot read "), "{}", said(&path));
        std::fs::write(&path, "nothing\n").unwrap();
        assert!(said(&path).ends_with("holds no certificate"));
    }
}
