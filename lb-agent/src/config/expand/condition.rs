//! `@id` and `@^id` at the start of a line.

use crate::config::lexer::after_blanks;

/// What stands behind the conditions of a line; `None` when one does not hold.
pub(crate) fn held<'t>(line: &'t str, config_id: &str) -> Option<&'t str> {
    let mut text = line;
    while let Some((wanted, id, rest)) = first(text) {
        if (id == config_id) != wanted {
            return None;
        }
        text = rest;
    }
    Some(text)
}

/// What stands behind the conditions of a line, whether they hold or not.
pub(super) fn behind(line: &str) -> &str {
    let mut text = line;
    while let Some((_, _, rest)) = first(text) {
        text = rest;
    }
    text
}

/// The first condition: whether the id must be this one, the id, and the rest of the line.
fn first(text: &str) -> Option<(bool, &str, &str)> {
    let condition = after_blanks(text).strip_prefix('@')?;
    let (wanted, id) = match condition.strip_prefix('^') {
        Some(id) => (false, id),
        None => (true, condition),
    };
    let end = id.find(char::is_whitespace).unwrap_or(id.len());
    let (id, rest) = id.split_at_checked(end)?;
    (!id.is_empty()).then_some((wanted, id, rest))
}
