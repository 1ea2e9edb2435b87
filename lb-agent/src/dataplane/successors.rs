//! Which virtual server goes on as which one of before, when addresses and ports have moved between them.
//! Pure.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::hash::Hash;

/// Pairs of what is and what was: `shared` has a virtual server of now and one of before for each address and
/// port of both. Who has most in common comes first, of equals the first one of now; each is in one pair
/// at most.
pub fn successors<Before>(
    shared: impl IntoIterator<Item = (usize, Before)>,
) -> BTreeMap<usize, Before>
where
    Before: Copy + Ord + Hash,
{
    let mut counts: HashMap<(usize, Before), usize> = HashMap::new();
    for pair in shared {
        *counts.entry(pair).or_default() += 1;
    }
    let mut order: Vec<(Reverse<usize>, usize, Before)> = counts
        .into_iter()
        .map(|((now, before), count)| (Reverse(count), now, before))
        .collect();
    order.sort_unstable();
    let mut pairs = BTreeMap::new();
    let mut taken = BTreeSet::new();
    for (_, now, before) in order {
        if !pairs.contains_key(&now) && taken.insert(before) {
            pairs.insert(now, before);
        }
    }
    pairs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(shared: &[(usize, char)], expected: &[(usize, char)]) {
        let pairs = successors(shared.iter().copied());
        assert_eq!(pairs, expected.iter().copied().collect());
    }

    #[test]
    fn who_has_most_in_common_goes_on_wherever_it_stands() {
        check(&[(0, 'a'), (1, 'a'), (1, 'a')], &[(1, 'a')]);
        check(&[(0, 'a'), (0, 'a'), (1, 'a')], &[(0, 'a')]);
        check(&[(0, 'a'), (1, 'a')], &[(0, 'a')]);
    }

    #[test]
    fn who_has_taken_an_address_of_another_one_keeps_its_own() {
        check(
            &[(0, 'a'), (0, 'b'), (1, 'a'), (1, 'a'), (1, 'a')],
            &[(0, 'b'), (1, 'a')],
        );
    }

    #[test]
    fn of_two_that_become_one_the_larger_goes_on() {
        check(&[(0, 'a'), (0, 'b'), (0, 'b')], &[(0, 'b')]);
        check(&[], &[]);
    }
}
