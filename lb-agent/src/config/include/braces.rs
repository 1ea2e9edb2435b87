//! `{a,b}` in include patterns, as in a shell: `x{1,2{a,b}}` is `x1`, `x2a`, `x2b`.

/// Patterns that one pattern may stand for.
const MAX_PATTERNS: usize = 1024;

/// The patterns that `pattern` stands for; itself when it has no braces (or braces that do not
/// match); `None` when they are too many.
pub(super) fn expand(pattern: &str) -> Option<Vec<String>> {
    let mut finished = Vec::new();
    // Depth first, so that the order is that of the text.
    let mut pending = vec![pattern.to_owned()];
    while let Some(pattern) = pending.pop() {
        if finished.len() + pending.len() >= MAX_PATTERNS {
            return None;
        }
        match first_group(&pattern) {
            None => finished.push(pattern),
            Some((before, alternatives, after)) => {
                let joined = alternatives
                    .iter()
                    .map(|choice| format!("{before}{choice}{after}"));
                pending.extend(joined.rev());
            }
        }
    }
    Some(finished)
}

/// What stands before the first group, its alternatives, and what stands behind it.
fn first_group(pattern: &str) -> Option<(&str, Vec<&str>, &str)> {
    let open = pattern.find('{')?;
    let (before, inside) = (pattern.get(..open)?, pattern.get(open + 1..)?);
    let mut depth = 0usize;
    let mut start = 0;
    let mut alternatives = Vec::new();
    for (index, character) in inside.char_indices() {
        match character {
            '{' => depth += 1,
            ',' if depth == 0 => {
                alternatives.push(inside.get(start..index)?);
                start = index + 1;
            }
            '}' if depth == 0 => {
                alternatives.push(inside.get(start..index)?);
                return Some((before, alternatives, inside.get(index + 1..)?));
            }
            '}' => depth -= 1,
            _ => {}
        }
    }
    None
}
