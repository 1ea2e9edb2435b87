//! What the operator has been told, so that it is told once, and once more when it is over. Pure.

use std::collections::BTreeMap;

/// Conditions that may last, by what they are about, each with the words it was told in.
#[derive(Debug)]
pub(super) struct Said<K> {
    texts: BTreeMap<K, String>,
}

/// What is to be told now.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct News<K> {
    /// New conditions, and old ones in new words.
    pub(super) begun: Vec<(K, String)>,
    /// Conditions that are no more.
    pub(super) over: Vec<K>,
}

impl<K> Default for Said<K> {
    fn default() -> Self {
        Self {
            texts: BTreeMap::new(),
        }
    }
}

impl<K: Ord + Clone> Said<K> {
    /// All conditions there are now.
    pub(super) fn update(&mut self, now: BTreeMap<K, String>) -> News<K> {
        let before = std::mem::replace(&mut self.texts, now);
        let begun = self
            .texts
            .iter()
            .filter(|(key, text)| before.get(key) != Some(text));
        let over = before.keys().filter(|key| !self.texts.contains_key(key));
        News {
            begun: begun
                .map(|(key, text)| (key.clone(), text.clone()))
                .collect(),
            over: over.cloned().collect(),
        }
    }

    /// Whether there are conditions.
    pub(super) fn is_empty(&self) -> bool {
        self.texts.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn now(conditions: &[(&str, &str)]) -> BTreeMap<String, String> {
        let owned = |(key, text): &(&str, &str)| ((*key).to_owned(), (*text).to_owned());
        conditions.iter().map(owned).collect()
    }

    fn news(begun: &[(&str, &str)], over: &[&str]) -> News<String> {
        News {
            begun: now(begun).into_iter().collect(),
            over: over.iter().map(|it| (*it).to_owned()).collect(),
        }
    }

    #[test]
    fn a_condition_is_told_once_in_the_same_words_and_once_when_it_is_over() {
        let mut said = Said::default();
        let both = [("eth0", "is down"), ("eth1", "is gone")];
        assert_eq!(said.update(now(&both)), news(&both, &[]));
        assert_eq!(said.update(now(&both)), news(&[], &[]));
        let changed = [("eth0", "is busy")];
        assert_eq!(said.update(now(&changed)), news(&changed, &["eth1"]));
        assert!(!said.is_empty());
        assert_eq!(said.update(now(&[])), news(&[], &["eth0"]));
        assert!(said.is_empty());
        assert_eq!(said.update(now(&changed)), news(&changed, &[]));
    }
}
