//! The kinds of checkers.

use std::net::SocketAddr;
use std::sync::Arc;

use crate::config::model::{self, Config};
use crate::health::probe::http::pattern::Pattern;
use crate::health::probe::tls::TlsClient;
use crate::health::spec::{
    FileCheck, HttpGet, Kind, LvsMethod, MiscCheck, SmtpCheck, SslGet, Url, UrlBody, ViaTunnel,
};
use crate::script::{Script, User};
use crate::track::file::FileWeight;

/// What kinds refer to.
pub(super) struct Kinds<'c> {
    pub(super) config: &'c Config,
    pub(super) tls: &'c Arc<TlsClient>,
    pub(super) script: &'c dyn Fn(&model::Command) -> (User, Option<Script>),
}

impl Kinds<'_> {
    pub(super) fn ssl_get(&self, from: &model::SslGet) -> Kind {
        Kind::Ssl(SslGet {
            get: http_get(&from.get),
            enable_sni: from.enable_sni,
            sni_name: from.sni_name.clone(),
            tls: Arc::clone(self.tls),
        })
    }

    pub(super) fn misc(&self, from: &model::MiscCheck) -> Kind {
        let (user, script) = (self.script)(&from.misc_path);
        Kind::Misc(MiscCheck {
            misc_path: from.misc_path.command.clone(),
            script,
            uid: user.uid,
            gid: user.gid,
            misc_timeout: from.misc_timeout,
            misc_dynamic: from.misc_dynamic,
        })
    }

    /// `None` when there is no such file, which the configuration has said.
    pub(super) fn file(&self, from: &model::FileCheck) -> Option<Kind> {
        let mut files = self.config.track_files.iter();
        let file = files.find(|file| file.name == from.track_file)?;
        let weight = from.weight.unwrap_or_else(|| file.weight.into());
        Some(Kind::File(FileCheck {
            file: file.file.clone(),
            weight: FileWeight {
                value: weight.weight,
                reverse: weight.reverse,
            },
        }))
    }
}

pub(super) fn http_get(from: &model::HttpGet) -> HttpGet {
    let url = |url| url_of(url, from.tls_compliant);
    HttpGet {
        urls: from.urls.iter().map(url).collect(),
        http_protocol: from.http_protocol,
        fast_recovery: from.fast_recovery,
    }
}

fn url_of(from: &model::Url, tls_compliant: bool) -> Url {
    Url {
        path: from.path.clone(),
        status_code: from.status_code.clone(),
        virtualhost: from.virtualhost.clone(),
        body: UrlBody {
            digest: from.body.digest,
            regex: pattern(&from.body),
        },
        tls_compliant: from.tls_compliant || tls_compliant,
    }
}

/// A pattern that cannot be used is no longer in the model: the configuration has said so.
fn pattern(from: &model::UrlBody) -> Option<Pattern> {
    let mut pattern = Pattern::new(from.regex.as_ref()?, &from.regex_options).ok()?;
    pattern.no_match = from.regex_no_match;
    pattern.min_offset = u64::from(from.regex_min_offset);
    pattern.max_offset = from.regex_max_offset.map(u64::from);
    Some(pattern)
}

/// What cannot go by a tunnel is no longer in the model: the configuration has said so.
pub(super) fn via_tunnel(service: &model::VirtualServer, server: &model::RealServer) -> Kind {
    let lvs_method = match server.lvs_method.unwrap_or(service.lb_kind) {
        model::Forwarding::Dr => LvsMethod::Dr,
        model::Forwarding::Tun => LvsMethod::Tun,
        model::Forwarding::Nat => return Kind::Tcp,
    };
    match service.key {
        model::VirtualServerKey::Address(model::AddressKey {
            address,
            port,
            protocol: model::Protocol::Tcp,
        }) => Kind::ViaTunnel(ViaTunnel {
            virtual_address: SocketAddr::new(address, port),
            lvs_method,
        }),
        model::VirtualServerKey::Address(_)
        | model::VirtualServerKey::Fwmark(_)
        | model::VirtualServerKey::Group(_) => Kind::Tcp,
    }
}

pub(super) fn smtp(from: &model::SmtpCheck) -> Kind {
    let helo_name = from.helo_name.clone();
    Kind::Smtp(helo_name.map_or_else(SmtpCheck::default, |helo_name| SmtpCheck { helo_name }))
}
