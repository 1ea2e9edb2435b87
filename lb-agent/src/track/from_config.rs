//! From a configuration to what is tracked.

use super::{file, process};
use crate::config::model::{self, TrackFile, VrrpTrackProcess};

impl From<&TrackFile> for file::Settings {
    fn from(config: &TrackFile) -> Self {
        Self {
            name: config.name.clone(),
            path: config.file.clone(),
            init_file: config.init_file.map(|init| file::InitFile {
                value: init.value,
                overwrite: init.overwrite,
            }),
        }
    }
}

impl From<&VrrpTrackProcess> for process::Settings {
    fn from(config: &VrrpTrackProcess) -> Self {
        let mut words = config.process.iter().cloned();
        let process = words.next().unwrap_or_default();
        let parameters: Vec<String> = words.collect();
        Self {
            name: config.name.clone(),
            process,
            param_match: match config.param_match {
                None => None,
                // keepalived.conf(5): "to specify that a command must have no parameters, don't
                // specify any parameters, but specify param_match".
                Some(_) if parameters.is_empty() => Some(process::ParamMatch::Exact),
                Some(model::ParamMatch::Initial) => Some(process::ParamMatch::Initial),
                Some(model::ParamMatch::Partial) => Some(process::ParamMatch::Partial),
            },
            parameters,
            full_command: config.full_command,
            quorum: usize::from(config.quorum).max(1),
            quorum_max: config.quorum_max.map(usize::from),
            fork_delay: config.fork_delay,
            terminate_delay: config.terminate_delay,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_without_parameters_is_any_unless_param_match_says_none() {
        let settings = |words: &[&str], param_match| {
            let words = words.iter().map(|&word| word.into()).collect();
            let config = VrrpTrackProcess {
                param_match,
                ..VrrpTrackProcess::new("p", words)
            };
            let process::Settings {
                process,
                parameters,
                param_match,
                ..
            } = (&config).into();
            (process, parameters.len(), param_match)
        };
        let (initial, partial) = (model::ParamMatch::Initial, model::ParamMatch::Partial);
        for (words, given, parameters, expected) in [
            (&["nginx"][..], None, 0, None),
            (
                &["nginx"],
                Some(initial),
                0,
                Some(process::ParamMatch::Exact),
            ),
            (&["nginx", "-g"], None, 1, None),
            (
                &["nginx", "-g"],
                Some(initial),
                1,
                Some(process::ParamMatch::Initial),
            ),
            (
                &["nginx", "-g"],
                Some(partial),
                1,
                Some(process::ParamMatch::Partial),
            ),
        ] {
            assert_eq!(
                settings(words, given),
                ("nginx".into(), parameters, expected)
            );
        }
    }
}
