//! Sets of PUs and of nodes, by OS (physical) index, printed as Linux lists (`0-3,8`).
//!
//! `CpuSet` and `NodeSet` are two types so that one is never taken for the other (hwlocality's lesson). Both are plain
//! bit sets without a fixed width: PU 8000 and node 64 are ordinary members.
//! The grammar of numactl (`!`, `+`, `all`, `same`) is in [`crate::numactl`]; here is only what the kernel prints.

use std::fmt;
use std::str::FromStr;

/// Members above this are refused when a list is read: `0-4000000000` is a typing error, not a machine.
///
/// Source: four times the largest NR_CPUS of a Linux configuration (8192, x86 MAXSMP).
pub const HIGHEST_INDEX: u32 = 32_767;

const WORD_BITS: u32 = u64::BITS;

/// Why a Linux list could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// Not a number, a range, or a comma between them.
    #[error("\"{item}\" in list \"{text}\" is neither a number nor a range such as 0-3")]
    NotANumber {
        /// The whole list.
        text: String,
        /// The item of it that cannot be read.
        item: String,
    },
    /// A range that runs backwards.
    #[error("range {low}-{high} in list \"{text}\" runs backwards; write {high}-{low}")]
    Backwards {
        /// The whole list.
        text: String,
        /// First number as written.
        low: u32,
        /// Second number as written.
        high: u32,
    },
    /// A member above [`HIGHEST_INDEX`].
    #[error("{index} in list \"{text}\" is above the highest index {HIGHEST_INDEX}")]
    TooHigh {
        /// The whole list.
        text: String,
        /// The member.
        index: u32,
    },
}

#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
struct Bits {
    // No trailing zero words, so that equal sets compare equal.
    words: Vec<u64>,
}

impl Bits {
    fn insert(&mut self, index: u32) {
        let word = (index / WORD_BITS) as usize;
        if self.words.len() <= word {
            self.words.resize(word + 1, 0);
        }
        self.words[word] |= 1 << (index % WORD_BITS);
    }

    fn remove(&mut self, index: u32) {
        if let Some(word) = self.words.get_mut((index / WORD_BITS) as usize) {
            *word &= !(1 << (index % WORD_BITS));
        }
        self.trim();
    }

    fn trim(&mut self) {
        while self.words.last() == Some(&0) {
            self.words.pop();
        }
    }

    fn contains(&self, index: u32) -> bool {
        self.words.get((index / WORD_BITS) as usize).is_some_and(|word| word >> (index % WORD_BITS) & 1 == 1)
    }

    fn combine(&self, other: &Bits, join: impl Fn(u64, u64) -> u64) -> Bits {
        let words = self.words.len().max(other.words.len());
        let word = |bits: &Bits, at: usize| bits.words.get(at).copied().unwrap_or(0);
        let mut joined = Bits { words: (0..words).map(|at| join(word(self, at), word(other, at))).collect() };
        joined.trim();
        joined
    }

    fn iter(&self) -> impl Iterator<Item = u32> + '_ {
        self.words.iter().zip(0..).flat_map(|(&word, at)| {
            (0..WORD_BITS).filter(move |bit| word >> bit & 1 == 1).map(move |bit| at * WORD_BITS + bit)
        })
    }

    fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    fn parse(text: &str) -> Result<Bits, ListError> {
        let mut bits = Bits::default();
        let trimmed = text.trim();
        if trimmed.is_empty() {
            return Ok(bits);
        }
        for item in trimmed.split(',') {
            let number = |part: &str| {
                // `parse` alone would accept a leading plus sign.
                let digits = part.bytes().all(|byte| byte.is_ascii_digit());
                let value = if digits { part.parse::<u32>().ok() } else { None };
                value.ok_or_else(|| ListError::NotANumber { text: text.into(), item: item.into() })
            };
            let (low, high) = match item.split_once('-') {
                Some((low, high)) => (number(low)?, number(high)?),
                None => (number(item)?, number(item)?),
            };
            if low > high {
                return Err(ListError::Backwards { text: text.into(), low, high });
            }
            if high > HIGHEST_INDEX {
                return Err(ListError::TooHigh { text: text.into(), index: high });
            }
            (low..=high).for_each(|index| bits.insert(index));
        }
        Ok(bits)
    }
}

impl fmt::Display for Bits {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut members = self.iter().peekable();
        let mut separator = "";
        while let Some(first) = members.next() {
            let mut last = first;
            while members.next_if(|&next| next == last + 1).is_some() {
                last += 1;
            }
            write!(out, "{separator}{first}")?;
            if last > first {
                write!(out, "-{last}")?;
            }
            separator = ",";
        }
        Ok(())
    }
}

macro_rules! index_set {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Bits);

        impl $name {
            /// The empty set.
            pub fn new() -> Self {
                Self::default()
            }

            /// The set of one member.
            pub fn of(index: u32) -> Self {
                [index].into_iter().collect()
            }

            /// Adds a member.
            pub fn insert(&mut self, index: u32) {
                self.0.insert(index);
            }

            /// Takes a member out; nothing happens if it is not one.
            pub fn remove(&mut self, index: u32) {
                self.0.remove(index);
            }

            /// Whether `index` is a member.
            pub fn contains(&self, index: u32) -> bool {
                self.0.contains(index)
            }

            /// Members, ascending.
            pub fn iter(&self) -> impl Iterator<Item = u32> + '_ {
                self.0.iter()
            }

            /// Number of members.
            pub fn len(&self) -> usize {
                self.0.len()
            }

            /// Whether there is no member.
            pub fn is_empty(&self) -> bool {
                self.0.words.is_empty()
            }

            /// Lowest member.
            pub fn first(&self) -> Option<u32> {
                self.iter().next()
            }

            /// Highest member.
            pub fn last(&self) -> Option<u32> {
                let word = self.0.words.last()?;
                Some(self.0.words.len() as u32 * WORD_BITS - 1 - word.leading_zeros())
            }

            /// Members of either.
            pub fn union(&self, other: &Self) -> Self {
                Self(self.0.combine(&other.0, |a, b| a | b))
            }

            /// Members of both.
            pub fn intersection(&self, other: &Self) -> Self {
                Self(self.0.combine(&other.0, |a, b| a & b))
            }

            /// Members of this one that are not in `other`.
            pub fn difference(&self, other: &Self) -> Self {
                Self(self.0.combine(&other.0, |a, b| a & !b))
            }

            /// Whether every member is in `other` too.
            pub fn is_subset(&self, other: &Self) -> bool {
                self.difference(other).is_empty()
            }

            /// Whether any member is in `other` too.
            pub fn intersects(&self, other: &Self) -> bool {
                !self.intersection(other).is_empty()
            }
        }

        impl FromIterator<u32> for $name {
            fn from_iter<I: IntoIterator<Item = u32>>(members: I) -> Self {
                let mut set = Self::default();
                members.into_iter().for_each(|index| set.insert(index));
                set
            }
        }

        impl FromStr for $name {
            type Err = ListError;

            /// Reads a Linux list; the empty text is the empty set.
            fn from_str(text: &str) -> Result<Self, ListError> {
                Bits::parse(text).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(out)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(out, "{}({})", stringify!($name), self.0)
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = String::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

index_set! {
    /// A set of PUs, by OS index.
    CpuSet
}

index_set! {
    /// A set of nodes, by OS index.
    NodeSet
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(text: &str, expect: Result<&str, &str>) {
        let found = text.parse::<CpuSet>().map(|set| set.to_string()).map_err(|error| error.to_string());
        assert_eq!(found.as_deref().map_err(String::as_str), expect, "list {text:?}");
    }

    #[test]
    fn lists_are_read_and_printed_as_the_kernel_does() {
        check("", Ok(""));
        check("0-3,8\n", Ok("0-3,8"));
        check("8,0,1,3,2", Ok("0-3,8"));
        check("63-65", Ok("63-65"));
        check("1,x", Err("\"x\" in list \"1,x\" is neither a number nor a range such as 0-3"));
        check("+1", Err("\"+1\" in list \"+1\" is neither a number nor a range such as 0-3"));
        check("1,,2", Err("\"\" in list \"1,,2\" is neither a number nor a range such as 0-3"));
        check("3-1", Err("range 3-1 in list \"3-1\" runs backwards; write 1-3"));
        check("0-99999", Err("99999 in list \"0-99999\" is above the highest index 32767"));
    }

    proptest! {
        #[test]
        fn parse_undoes_print(members in prop::collection::btree_set(0u32..5000, 0..40)) {
            let set: NodeSet = members.iter().copied().collect();
            prop_assert_eq!(&set.to_string().parse::<NodeSet>().expect("a printed list can be read"), &set);
            prop_assert_eq!(set.iter().collect::<Vec<_>>(), members.iter().copied().collect::<Vec<_>>());
            prop_assert_eq!(set.last(), members.last().copied());
            prop_assert_eq!(set.len(), members.len());
        }

        #[test]
        fn sets_obey_their_algebra(a in prop::collection::vec(0u32..300, 0..40), b in prop::collection::vec(0u32..300, 0..40)) {
            let (a, b): (CpuSet, CpuSet) = (a.into_iter().collect(), b.into_iter().collect());
            prop_assert_eq!(a.difference(&b).union(&a.intersection(&b)), a.clone());
            prop_assert!(a.intersection(&b).is_subset(&a));
            prop_assert_eq!(a.intersects(&b), !a.intersection(&b).is_empty());
            let mut rest = a.clone();
            b.iter().for_each(|index| rest.remove(index));
            prop_assert_eq!(rest, a.difference(&b));
        }
    }
}
