//! What becomes of everything when what is installed is to become what is desired: the one comparison behind
//! the plans of both data planes, of their services and of the servers of each. Pure.
//!
//! Which operations that takes, and in which order traffic bears them, is each plane's own
//! ([`super::plan`], [`super::ipvs::plan`]).

use std::collections::BTreeMap;

/// All that is desired or installed, `D` and `I`, by the key `K` that says which of them are the same.
#[derive(Debug, PartialEq, Eq)]
pub struct Difference<'a, D, K, I> {
    /// What is desired, in its order, each with what is installed of it: `None` if it comes.
    pub wanted: Vec<(&'a D, Option<I>)>,
    /// What goes: it is installed, and nobody desires it any more.
    pub gone: BTreeMap<K, I>,
}

/// Compares what is desired with what is installed. Of two that are desired under one key only the
/// first one has what is installed.
pub fn difference<D, K: Ord, I>(
    desired: &[D],
    installed: impl IntoIterator<Item = (K, I)>,
    key: impl Fn(&D) -> K,
) -> Difference<'_, D, K, I> {
    let mut gone: BTreeMap<K, I> = installed.into_iter().collect();
    let wanted = desired
        .iter()
        .map(|one| (one, gone.remove(&key(one))))
        .collect();
    Difference { wanted, gone }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_stays_and_goes_in_the_order_of_what_is_desired() {
        let desired = [(3, 'c'), (1, 'a'), (2, 'b')];
        let Difference { wanted, gone } =
            difference(&desired, [(1, "one"), (4, "four"), (2, "two")], |it| it.0);
        let expected = [
            (&(3, 'c'), None),
            (&(1, 'a'), Some("one")),
            (&(2, 'b'), Some("two")),
        ];
        assert_eq!(wanted, expected);
        assert_eq!(gone, BTreeMap::from([(4, "four")]));
    }

    #[test]
    fn of_two_under_one_key_the_first_has_what_is_installed() {
        let desired = [(1, 'a'), (1, 'b')];
        let Difference { wanted, gone } = difference(&desired, [(1, "one")], |it| it.0);
        assert_eq!(wanted, [(&(1, 'a'), Some("one")), (&(1, 'b'), None)]);
        assert!(gone.is_empty());
    }
}
