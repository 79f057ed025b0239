//! The account of one process.

use serde::{Deserialize, Serialize};

use crate::{Amounts, Kind, MAX, Meter, show};

/// What one process was granted, and where it went. Of each meter, what is used, reserved and
/// moved never adds up to more than the grant.
///
/// A grant of [`MAX`] is no limit: use is counted, up to [`MAX`], nothing is moved to children,
/// and there is always [`MAX`] left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Account {
    granted: Amounts,
    /// Used by the process itself.
    own: Amounts,
    /// Used by those of its children that ended.
    ended: Amounts,
    /// Set aside for calls under way.
    reserved: Amounts,
    /// Granted to living children.
    moved: Amounts,
}

/// A meter does not cover what was asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "not enough {meter}: {} asked for, {} of {} left; ask for less, or grant more",
    show(*.meter, *.asked), show(*.meter, *.left), show(*.meter, *.granted)
)]
pub struct Exhausted {
    /// Which meter.
    pub meter: Meter,
    /// What was asked, in the meter's unit.
    pub asked: u64,
    /// What was left of it.
    pub left: u64,
    /// What the account was granted.
    pub granted: u64,
}

impl Account {
    /// An account with this grant and nothing used. Amounts over [`MAX`] are [`MAX`].
    pub fn new(granted: Amounts) -> Account {
        let zero = Amounts::zero();
        let granted = granted.at_most(&Amounts::unlimited());
        Account { granted, own: zero, ended: zero, reserved: zero, moved: zero }
    }

    /// What was granted; [`MAX`] is no limit.
    pub fn granted(&self, meter: Meter) -> u64 {
        self.granted[meter]
    }

    /// What the process and those of its children that ended used.
    pub fn used(&self, meter: Meter) -> u64 {
        (self.own[meter] + self.ended[meter]).min(MAX)
    }

    /// What the process itself used: what [`Account::set_used`] sets.
    pub fn own(&self, meter: Meter) -> u64 {
        self.own[meter]
    }

    /// What is set aside for calls under way.
    pub fn reserved(&self, meter: Meter) -> u64 {
        self.reserved[meter]
    }

    /// What living children were granted out of this account.
    pub fn moved(&self, meter: Meter) -> u64 {
        self.moved[meter]
    }

    /// What can still be charged, reserved or moved; [`MAX`] of a meter without limit.
    pub fn left(&self, meter: Meter) -> u64 {
        if self.is_unlimited(meter) {
            return MAX;
        }
        // Amounts are at most 2⁵³ − 1, so the sum of four is far from overflow.
        let gone = self.own[meter] + self.ended[meter] + self.reserved[meter] + self.moved[meter];
        self.granted[meter].saturating_sub(gone)
    }

    /// [`Account::left`] of every meter.
    pub fn rest(&self) -> Amounts {
        let mut rest = Amounts::zero();
        for meter in Meter::ALL {
            rest[meter] = self.left(meter);
        }
        rest
    }

    fn is_unlimited(&self, meter: Meter) -> bool {
        self.granted[meter] >= MAX
    }

    /// Whether all of `costs` together can be charged. A meter may stand in them several times.
    ///
    /// # Errors
    /// [`Exhausted`] for the first meter that does not cover its part.
    pub fn can(&self, costs: &[(Meter, u64)]) -> Result<(), Exhausted> {
        // Every system call comes here: the lists are short, and most amounts are 0.
        costs.iter().filter(|(_, n)| *n > 0).try_for_each(|(meter, _)| {
            let same = costs.iter().filter(|(other, _)| other == meter);
            self.covers(*meter, same.fold(0, |total: u64, (_, n)| total.saturating_add(*n)))
        })
    }

    fn covers(&self, meter: Meter, asked: u64) -> Result<(), Exhausted> {
        let left = self.left(meter);
        if asked <= left || self.is_unlimited(meter) {
            return Ok(());
        }
        Err(Exhausted { meter, asked, left, granted: self.granted[meter] })
    }

    /// Takes `costs`, all or nothing.
    ///
    /// # Errors
    /// [`Exhausted`] as [`Account::can`]; then nothing was taken.
    pub fn charge(&mut self, costs: &[(Meter, u64)]) -> Result<(), Exhausted> {
        self.can(costs)?;
        add(&mut self.own, costs);
        Ok(())
    }

    /// Sets `costs` aside, all or nothing, until [`Account::settle`].
    ///
    /// # Errors
    /// [`Exhausted`] as [`Account::can`]; then nothing was set aside.
    pub fn reserve(&mut self, costs: &[(Meter, u64)]) -> Result<(), Exhausted> {
        self.can(costs)?;
        add(&mut self.reserved, costs);
        Ok(())
    }

    /// Gives a reservation back and charges what was really used. When that is more than was
    /// reserved, it is charged as far as the grant goes; the answer is what it did not cover,
    /// normally nothing. With the same list twice, the reservation stands.
    #[must_use = "what the grant did not cover"]
    pub fn settle(&mut self, reserved: &[(Meter, u64)], used: &[(Meter, u64)]) -> Vec<(Meter, u64)> {
        for (meter, n) in reserved {
            self.reserved[*meter] = self.reserved[*meter].saturating_sub(*n);
        }
        let mut uncovered = Vec::new();
        for (meter, n) in used {
            let covered = (*n).min(self.left(*meter));
            add(&mut self.own, &[(*meter, covered)]);
            if covered < *n {
                uncovered.push((*meter, n - covered));
            }
        }
        uncovered
    }

    /// Grants so much more of a meter. Of one without limit there is nothing more to grant.
    ///
    /// # Errors
    /// When the grant would reach [`MAX`], which means no limit; then nothing was granted.
    pub fn fund(&mut self, meter: Meter, more: u64) -> Result<(), Exhausted> {
        if self.is_unlimited(meter) {
            return Ok(());
        }
        match self.granted[meter].checked_add(more).filter(|granted| *granted < MAX) {
            Some(granted) => {
                self.granted[meter] = granted;
                Ok(())
            }
            None => {
                let (left, granted) = (self.left(meter), self.granted[meter]);
                Err(Exhausted { meter, asked: more, left, granted })
            }
        }
    }

    /// Whether so many hundredths of a consumable are used or set aside: by the process, and by those of its children that
    /// ended. Never of one without limit, or of none.
    pub fn reached(&self, meter: Meter, percent: u64) -> bool {
        let (used, granted) = (self.used(meter) + self.reserved[meter], self.granted[meter]);
        // Both below 2⁵³: hundred times either fits.
        meter.kind() == Kind::Consumable
            && !self.is_unlimited(meter)
            && granted > 0
            && used * 100 >= granted * percent
    }

    /// Sets what the process itself used, for what others measure as a total: fuel, memory, wall
    /// time. Use of ended children is not touched. It is set as far as the grant goes; the answer
    /// is what it did not cover, 0 when it did.
    #[must_use = "what the grant did not cover"]
    pub fn set_used(&mut self, meter: Meter, total: u64) -> u64 {
        self.own[meter] = 0;
        self.own[meter] = total.min(self.left(meter));
        total - self.own[meter]
    }

    /// Opens the account of a child with what it asks for. Consumables and memory are moved out of
    /// this account; wall time is only capped by what is left here. [`MAX`] asks for all that
    /// is left, which is no limit where this account has none.
    ///
    /// # Errors
    /// [`Exhausted`] for the first meter, in declaration order, of which more is asked than is
    /// left; then nothing was moved.
    pub fn open_child(&mut self, asked: &Amounts) -> Result<Account, Exhausted> {
        let mut granted = asked.at_most(&Amounts::unlimited());
        for (meter, asked) in asked.iter() {
            if asked >= MAX || meter.kind() == Kind::Deadline {
                granted[meter] = granted[meter].min(self.left(meter));
            } else {
                self.covers(meter, asked)?;
            }
        }
        for meter in Meter::ALL {
            if self.moves(meter) {
                self.moved[meter] += granted[meter];
            }
        }
        Ok(Account::new(granted))
    }

    /// Closes the account of a child that [`Account::open_child`] of this one opened. What it did
    /// not use comes back; what it used counts as used here, and so does what it had still
    /// reserved. Memory comes back whole. Its own children are closed into it first: what
    /// is still moved to them counts as used.
    pub fn close_child(&mut self, child: &Account) {
        for meter in Meter::ALL {
            if self.moves(meter) {
                self.moved[meter] = self.moved[meter].saturating_sub(child.granted[meter]);
            }
            if meter.kind() == Kind::Consumable {
                let spent = child.used(meter) + child.reserved[meter] + child.moved[meter];
                add(&mut self.ended, &[(meter, spent)]);
            }
        }
    }

    fn moves(&self, meter: Meter) -> bool {
        meter.kind() != Kind::Deadline && !self.is_unlimited(meter)
    }
}

/// Adds to a sum, up to [`MAX`], which only meters without limit can reach.
fn add(sum: &mut Amounts, list: &[(Meter, u64)]) {
    for (meter, n) in list {
        sum[*meter] = sum[*meter].saturating_add(*n).min(MAX);
    }
}

#[cfg(test)]
mod conservation;
#[cfg(test)]
mod tests;
