//! From the configuration's model to what health needs.

use crate::config::model;

use super::{
    Check, HttpGet, HttpProtocol, Kind, PoolRules, Question, Server, Service, Target, Url, UrlBody,
};
use crate::config::model::{Config, RealServerKey};

/// Every virtual server of `config`, in the order of the file.
#[must_use]
pub fn services(config: &Config) -> Vec<Service> {
    config.virtual_servers.iter().map(Service::from).collect()
}

impl From<&model::VirtualServer> for Service {
    fn from(from: &model::VirtualServer) -> Self {
        Self {
            key: from.key,
            ha_suspend: false,
            rules: PoolRules {
                sorry_server: from.sorry_server.map(|sorry| RealServerKey {
                    address: sorry.address,
                    port: sorry.port,
                }),
                ..PoolRules::default()
            },
            servers: from.real_servers.iter().map(Server::from).collect(),
        }
    }
}

impl From<&model::RealServer> for Server {
    fn from(from: &model::RealServer) -> Self {
        let checks = from.checkers.iter();
        Self {
            key: from.key,
            weight: from.weight,
            inhibit_on_failure: from.inhibit_on_failure,
            checks: checks.map(|checker| check(checker, from.alpha)).collect(),
        }
    }
}

fn check(from: &model::Checker, alpha: bool) -> Check {
    Check {
        question: Question {
            target: target(from),
            kind: kind(&from.kind),
        },
        retry: from.retry,
        delay_before_retry: from.delay_before_retry,
        delay_loop: from.delay_loop,
        warmup: from.warmup,
        alpha,
        log_all_failures: from.log_all_failures,
    }
}

fn target(from: &model::Checker) -> Target {
    Target {
        connect_ip: from.connect_ip,
        connect_port: from.connect_port,
        bindto: from.bindto,
        bind_port: from.bind_port,
        bind_if: None,
        fwmark: from.fwmark,
        connect_timeout: from.connect_timeout,
    }
}

fn kind(from: &model::CheckerKind) -> Kind {
    match from {
        model::CheckerKind::Tcp => Kind::Tcp,
        model::CheckerKind::Http(get) => Kind::Http(http_get(get)),
    }
}

fn http_get(from: &model::HttpGet) -> HttpGet {
    HttpGet {
        urls: from.urls.iter().map(url).collect(),
        http_protocol: match from.http_protocol {
            model::HttpProtocol::V1_0 => HttpProtocol::V1_0,
            model::HttpProtocol::V1_0Close => HttpProtocol::V1_0Close,
            model::HttpProtocol::V1_1 => HttpProtocol::V1_1,
        },
        fast_recovery: false,
    }
}

fn url(from: &model::Url) -> Url {
    Url {
        path: from.path.clone(),
        status_code: from.status_code.clone(),
        virtualhost: from.virtualhost.clone(),
        body: UrlBody::default(),
        tls_compliant: false,
    }
}
