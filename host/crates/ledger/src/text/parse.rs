//! Reading amounts: exact or refused, never rounded.

use super::{MICRO_PER_USD, Style, UNLIMITED};
use crate::meter::QUOTED;
use crate::{MAX, Meter};

/// Digits that may stand after the point.
const DECIMALS: usize = 12;

/// Why a text is not an amount of a meter.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not an amount of {meter}: {problem}; write {}", Style::of(*.meter).example())]
pub struct AmountError {
    meter: Meter,
    /// The first characters of what was given.
    text: String,
    problem: Problem,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
enum Problem {
    #[error("it has no number")]
    Number,
    #[error("its unit is not known")]
    Unit,
    #[error("it does not come out even")]
    Uneven,
    #[error("it is over the limit of 2^53 - 1")]
    Large,
}

/// Reads an amount as people write it, in the meter's own unit. A bare number is in that unit; a
/// number may have thousands (`1,912`) and decimals (`1.5M`); one space may stand before the unit.
/// `unlimited` is [`MAX`].
///
/// # Errors
/// [`AmountError`] when there is no number, its unit is not one of the meter's, it is not a whole
/// number of the meter's unit, or over [`MAX`].
pub fn parse_amount(meter: Meter, text: &str) -> Result<u64, AmountError> {
    if text == UNLIMITED {
        return Ok(MAX);
    }
    let style = Style::of(meter);
    let read = match (style, text.strip_prefix('$')) {
        (Style::Money, Some(dollars)) => scaled(dollars, MICRO_PER_USD),
        _ => with_unit(style, text),
    };
    let limited = read.and_then(|n| if n > MAX { Err(Problem::Large) } else { Ok(n) });
    limited.map_err(|problem| {
        let text = text.chars().take(QUOTED).collect();
        AmountError { meter, text, problem }
    })
}

fn with_unit(style: Style, text: &str) -> Result<u64, Problem> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != ',').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    if number.is_empty() {
        return Err(Problem::Number);
    }
    // A space announces a unit; alone it is a slip.
    let unit = unit.strip_prefix(' ').filter(|unit| !unit.is_empty()).unwrap_or(unit);
    let known = style.units().iter().find(|(name, _)| *name == unit);
    let (_, size) = known.ok_or(Problem::Unit)?;
    scaled(number, *size)
}

/// A decimal number times `size`, exactly.
fn scaled(number: &str, size: u64) -> Result<u64, Problem> {
    let (whole, decimals) = match number.split_once('.') {
        Some((whole, decimals)) if is_digits(decimals) => (whole, decimals),
        Some(_) => return Err(Problem::Number),
        None => (number, ""),
    };
    let whole = whole_number(whole)?.checked_mul(size).ok_or(Problem::Large)?;
    let decimals = decimals.trim_end_matches('0');
    if decimals.len() > DECIMALS {
        return Err(Problem::Uneven);
    }
    // At most 10^12 parts of at most 2^40: far inside 128 bits.
    let parts = digits(decimals).ok_or(Problem::Number)?;
    let scale = 10u128.pow(decimals.len() as u32);
    let fraction = u128::from(parts) * u128::from(size);
    if fraction % scale != 0 {
        return Err(Problem::Uneven);
    }
    let fraction = u64::try_from(fraction / scale).map_err(|_| Problem::Large)?;
    whole.checked_add(fraction).ok_or(Problem::Large)
}

/// Digits, or digits in groups of three: `1,5` is refused, since half the world means one and a
/// half by it.
fn whole_number(text: &str) -> Result<u64, Problem> {
    let groups: Vec<&str> = text.split(',').collect();
    let grouped =
        groups.len() == 1 || (groups[0].len() <= 3 && groups[1..].iter().all(|group| group.len() == 3));
    if !grouped || !groups.iter().all(|group| is_digits(group)) {
        return Err(Problem::Number);
    }
    digits(&groups.concat()).ok_or(Problem::Large)
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// The value of decimal digits, 0 of none; nothing on overflow.
fn digits(text: &str) -> Option<u64> {
    text.bytes().try_fold(0u64, |n, byte| n.checked_mul(10)?.checked_add(u64::from(byte - b'0')))
}
