//! Lists that stay short: the first of many, and how many there were.

use serde::{Serialize, Serializer};

/// Items of one kind that are kept one by one, in the order of their entries; further ones are counted.
pub const KEPT: usize = 1_024;

/// The first [`KEPT`] of many.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct List<T> {
    /// How many there were.
    pub count: u64,
    /// The first of them.
    pub first: Vec<T>,
}

impl<T> Default for List<T> {
    fn default() -> List<T> {
        List { count: 0, first: Vec::new() }
    }
}

impl<T> List<T> {
    /// Adds one; answers its place if it was kept.
    pub fn add(&mut self, item: T) -> Option<usize> {
        self.count += 1;
        (self.first.len() < KEPT).then(|| {
            self.first.push(item);
            self.first.len() - 1
        })
    }

    /// How many are not among the first `shown`.
    pub fn beyond(&self, shown: usize) -> u64 {
        self.count.saturating_sub(self.first.len().min(shown) as u64)
    }
}

/// Writes how many there were; the items are lines of their own.
///
/// # Errors
/// Those of the serializer.
pub fn count<T, S: Serializer>(list: &List<T>, to: S) -> Result<S::Ok, S::Error> {
    list.count.serialize(to)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_kept_is_counted() {
        let mut list = List::default();
        let places: Vec<Option<usize>> = (0..KEPT + 2).map(|n| list.add(n)).collect();
        assert_eq!(places[KEPT - 1..], [Some(KEPT - 1), None, None]);
        assert_eq!((list.count, list.first.len(), list.beyond(10)), (1_026, KEPT, 1_016));
    }
}
