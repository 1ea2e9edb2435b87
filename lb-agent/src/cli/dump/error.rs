//! Why there is nothing to show.

use std::io;

use clap::ValueEnum as _;
use thiserror::Error;

use super::Section;
use crate::control::client::CallError;
use crate::dataplane::xdp::maps::MapsError;
use crate::net::ipvs::IpvsError;
use crate::observe::vip::Vip;

/// Said in one line on standard error.
#[derive(Debug, Error)]
pub(in crate::cli) enum DumpError {
    #[error(
        "no agent called \"{instance}\" runs here, and none has left anything behind; \
         `lb-agent run --config FILE` starts one"
    )]
    Nothing { instance: String },
    #[error("the agent called \"{instance}\" has no virtual servers, so no {section} either")]
    NoPlane { instance: String, section: String },
    #[error("{what}: root or CAP_BPF is needed to read the maps")]
    Permission { what: MapsError },
    #[error(transparent)]
    Maps(#[from] MapsError),
    #[error(transparent)]
    Ipvs(#[from] IpvsError),
    #[error(transparent)]
    Agent(#[from] CallError),
    #[error("{0}")]
    Refused(String),
    #[error("nothing of what was asked for belongs to {0}")]
    NoMatch(Vip),
    #[error("cannot write the answer")]
    Output(#[from] io::Error),
}

impl DumpError {
    pub(super) fn no_plane(instance: &str, section: Section) -> Self {
        let name = section.to_possible_value();
        let name = name
            .as_ref()
            .map_or("section", clap::builder::PossibleValue::get_name);
        Self::NoPlane {
            instance: instance.to_owned(),
            section: name.to_owned(),
        }
    }
}
