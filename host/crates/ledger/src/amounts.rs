//! One amount for every meter.

use std::fmt;
use std::ops::{Index, IndexMut};

use serde::de::{self, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{MAX, Meter};

/// One amount for every meter, in the meter's own unit.
///
/// Serialised as a map from meter to integer in declaration order, without the meters that are at
/// [`MAX`]; read back, an absent meter is at [`MAX`]. So of a budget, it is the limits that are
/// written. Reading refuses unknown and repeated meters, and amounts over [`MAX`].
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Amounts([u64; Meter::COUNT]);

impl Amounts {
    /// 0 of everything.
    pub const fn zero() -> Amounts {
        Amounts([0; Meter::COUNT])
    }

    /// [`MAX`] of everything: no limits.
    pub const fn unlimited() -> Amounts {
        Amounts([MAX; Meter::COUNT])
    }

    /// The amount of one meter.
    pub fn get(&self, meter: Meter) -> u64 {
        self[meter]
    }

    /// The same amounts, with `n` for `meter`.
    #[must_use]
    pub fn with(mut self, meter: Meter, n: u64) -> Amounts {
        self[meter] = n;
        self
    }

    /// Of each meter, the smaller of the two amounts.
    #[must_use]
    pub fn at_most(&self, cap: &Amounts) -> Amounts {
        let mut least = *self;
        for meter in Meter::ALL {
            least[meter] = self[meter].min(cap[meter]);
        }
        least
    }

    /// Every meter with its amount, in declaration order.
    pub fn iter(&self) -> impl Iterator<Item = (Meter, u64)> + '_ {
        Meter::ALL.into_iter().map(|meter| (meter, self[meter]))
    }

    /// The sums of a list in which a meter may stand several times; saturating.
    #[cfg(test)]
    pub(crate) fn sum(list: &[(Meter, u64)]) -> Amounts {
        let mut sum = Amounts::zero();
        for (meter, n) in list {
            sum[*meter] = sum[*meter].saturating_add(*n);
        }
        sum
    }
}

impl Index<Meter> for Amounts {
    type Output = u64;

    fn index(&self, meter: Meter) -> &u64 {
        &self.0[meter as usize]
    }
}

impl IndexMut<Meter> for Amounts {
    fn index_mut(&mut self, meter: Meter) -> &mut u64 {
        &mut self.0[meter as usize]
    }
}

impl fmt::Debug for Amounts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter().map(|(meter, n)| (meter.name(), n))).finish()
    }
}

impl Serialize for Amounts {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let limits = || self.iter().filter(|(_, n)| *n < MAX);
        let mut map = serializer.serialize_map(Some(limits().count()))?;
        for (meter, n) in limits() {
            map.serialize_entry(meter.name(), &n)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Amounts {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Amounts, D::Error> {
        deserializer.deserialize_map(Map)
    }
}

struct Map;

impl<'de> Visitor<'de> for Map {
    type Value = Amounts;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map from meters to integers")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Amounts, A::Error> {
        let mut amounts = Amounts::unlimited();
        let mut seen = [false; Meter::COUNT];
        while let Some((meter, n)) = map.next_entry::<Meter, u64>()? {
            if std::mem::replace(&mut seen[meter as usize], true) {
                return Err(de::Error::custom(format_args!("{meter} is given twice")));
            }
            if n > MAX {
                return Err(de::Error::custom(format_args!("{meter} is {n}, over the limit of {MAX}")));
            }
            amounts[meter] = n;
        }
        Ok(amounts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_limits_are_written_in_declaration_order() {
        let budget = Amounts::unlimited().with(Meter::Calls, 0).with(Meter::Fuel, 7);
        assert_eq!(serde_json::to_string(&budget).unwrap(), r#"{"fuel":7,"calls":0}"#);
        assert_eq!(serde_json::to_string(&Amounts::unlimited()).unwrap(), "{}");
        for amounts in [budget, Amounts::zero(), Amounts::unlimited()] {
            let text = serde_json::to_string(&amounts).unwrap();
            assert_eq!(serde_json::from_str::<Amounts>(&text).unwrap(), amounts);
        }
    }

    #[test]
    fn reading_is_strict() {
        let error = |text| serde_json::from_str::<Amounts>(text).unwrap_err().to_string();
        assert!(error(r#"{"fule":7}"#).contains("fule"));
        assert!(error(r#"{"fuel":7,"fuel":7}"#).contains("fuel is given twice"));
        assert!(error(r#"{"fuel":9007199254740992}"#).contains("over the limit of 9007199254740991"));
        assert!(error(r#"{"fuel":-1}"#).contains("-1"));
        assert!(error(r#"{"fuel":1.5}"#).contains("1.5"));
    }

    #[test]
    fn at_most_takes_the_smaller() {
        let asked = Amounts::unlimited().with(Meter::Fuel, 5).with(Meter::Calls, 9);
        let left = Amounts::zero().with(Meter::Fuel, 7).with(Meter::Calls, 8).with(Meter::Memory, MAX);
        let expected = left.with(Meter::Fuel, 5);
        assert_eq!(asked.at_most(&left), expected);
        assert_eq!(left.at_most(&asked), expected);
    }
}
