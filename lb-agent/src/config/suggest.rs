//! "Did you mean …?": the nearest of some words.

/// Words longer than this are no typing mistakes for a keyword.
const LONGEST: usize = 64;

/// The name that `word` most likely was meant to be, if one is near enough: at most a third of
/// its letters changed, added, left out or swapped with their neighbour.
pub(crate) fn nearest<'n>(word: &str, names: impl Iterator<Item = &'n str>) -> Option<&'n str> {
    let word: Vec<char> = word.chars().take(LONGEST + 1).collect();
    if word.len() > LONGEST {
        return None;
    }
    let lower: Vec<char> = word
        .iter()
        .flat_map(|letter| letter.to_lowercase())
        .collect();
    names
        .map(|name| {
            (
                distance(&lower, &name.to_lowercase().chars().collect::<Vec<_>>()),
                name,
            )
        })
        .filter(|(distance, name)| *distance <= (word.len().min(name.len()) / 3).max(1))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, name)| name)
}

/// Letters changed, added, left out, or swapped with their neighbour (optimal string alignment).
fn distance(from: &[char], to: &[char]) -> usize {
    let mut before_last: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=to.len()).collect();
    for (row, &letter) in from.iter().enumerate() {
        let mut current = vec![row + 1];
        for (column, &other) in to.iter().enumerate() {
            let at = |line: &[usize], index: usize| line.get(index).copied().unwrap_or(usize::MAX);
            let changed = at(&last, column).saturating_add(usize::from(letter != other));
            let left_out = at(&last, column + 1).saturating_add(1);
            let added = at(&current, column).saturating_add(1);
            let swapped = match (row.checked_sub(1), column.checked_sub(1)) {
                (Some(above), Some(left))
                    if from.get(above) == Some(&other) && to.get(left) == Some(&letter) =>
                {
                    at(&before_last, left).saturating_add(1)
                }
                _ => usize::MAX,
            };
            current.push(changed.min(left_out).min(added).min(swapped));
        }
        before_last = std::mem::replace(&mut last, current);
    }
    last.last().copied().unwrap_or(0)
}

#[cfg(test)]
mod tests;
