//! What a handshake that failed is called.

use std::io;

use rustls::{AlertDescription, CertificateError, Error, InvalidMessage, PeerIncompatible};

/// The reason in words that say what the server did.
pub(in crate::health::probe) fn describe(error: &io::Error) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref());
    match inner {
        None if error.kind() == io::ErrorKind::UnexpectedEof => {
            "the server closed the connection within the handshake".to_owned()
        }
        None => error.to_string(),
        Some(inner) => of_tls(inner),
    }
}

fn of_tls(error: &Error) -> String {
    match error {
        Error::AlertReceived(AlertDescription::ProtocolVersion)
        | Error::PeerIncompatible(
            PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig
            | PeerIncompatible::ServerDoesNotSupportTls12Or13,
        ) => "the server speaks nothing newer than TLS 1.1; TLS 1.2 or 1.3 is needed".to_owned(),
        Error::InvalidMessage(InvalidMessage::InvalidContentType) => {
            "what the server speaks is not TLS".to_owned()
        }
        Error::InvalidCertificate(CertificateError::UnknownIssuer) => {
            "the server's certificate does not lead to `ca`".to_owned()
        }
        Error::InvalidCertificate(CertificateError::Other(why)) => {
            format!("the server's certificate does not lead to `ca`: {why}")
        }
        other => other.to_string(),
    }
}
