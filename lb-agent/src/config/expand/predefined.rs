//! The variables that are there from the start.

use super::variable::Use;
use super::work::Work;
use crate::config::diagnostic::{Code, Diagnostic};
use crate::config::text::Span;

impl Work<'_, '_> {
    /// `_PWD`, `_INSTANCE`, `_RANDOM`, `_HASH`, `_BANG`, `_ENV`.
    pub(super) fn predefined(&mut self, found: &Use<'_>, place: Span) -> Option<String> {
        let environment = self.expander.environment;
        match found.name {
            "_HASH" => Some("#".to_owned()),
            "_BANG" => Some("!".to_owned()),
            // keepalived's manual speaks of an instance, and means what `-i` sets.
            "_INSTANCE" => Some(environment.config_id.clone()),
            "_PWD" => {
                let path = self.sources.file(self.file)?.path();
                let folder = path.parent().map(|folder| folder.display().to_string());
                Some(
                    folder
                        .filter(|folder| !folder.is_empty())
                        .unwrap_or_else(|| ".".to_owned()),
                )
            }
            "_ENV" => {
                let value = environment.variables.get(found.arguments);
                if value.is_none() {
                    let message = format!(
                        "there is no environment variable `{}`: nothing stands here",
                        found.arguments
                    );
                    self.diagnostics
                        .push(Diagnostic::warning(Code::Macro, place, message));
                }
                Some(value.cloned().unwrap_or_default())
            }
            "_RANDOM" => Some(self.random(found.arguments).to_string()),
            _ => None,
        }
    }

    /// `${_RANDOM [MIN [MAX]]}`: from 0 to 32767 without arguments (`xorshift64*`).
    fn random(&mut self, arguments: &str) -> u64 {
        let mut numbers = arguments.split_whitespace().map(str::parse::<u32>);
        let mut number = |default: u32| numbers.next().and_then(Result::ok).unwrap_or(default);
        let (min, max) = (u64::from(number(0)), u64::from(number(32767)));
        let state = &mut self.expander.random;
        *state |= 1;
        *state ^= *state >> 12;
        *state ^= *state << 25;
        *state ^= *state >> 27;
        let drawn = state.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 16;
        min + drawn % (max.saturating_sub(min) + 1)
    }
}
