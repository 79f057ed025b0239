//! The section `[budget]`.

use ledger::{MAX, Meter};

use super::ManifestError;
use super::table::{Table, Value};

/// The meters that a member's `[budget]` sets, in the meters' order.
pub fn read(member: &Table<'_>) -> Result<Vec<(Meter, u64)>, ManifestError> {
    let Some(section) = member.get("budget") else {
        return Ok(Vec::new());
    };
    let table = section.table()?;
    table.known(&Meter::ALL.map(Meter::name))?;
    let mut budget = Vec::new();
    for meter in Meter::ALL {
        if let Some(value) = table.get(meter.name()) {
            budget.push((meter, amount(meter, &value)?));
        }
    }
    Ok(budget)
}

fn amount(meter: Meter, value: &Value<'_>) -> Result<u64, ManifestError> {
    match value.integer() {
        Some(amount) if amount <= MAX => Ok(amount),
        Some(_) => {
            Err(value.error(format!("{} is over {MAX}, the most that any meter counts", value.name())))
        }
        None => {
            let text = value.text().map_err(|_| value.wrong("an amount (\"10G\") or an integer from 0"))?;
            let amount = ledger::parse_amount(meter, text);
            amount.map_err(|error| value.error(format!("{}: {error}", value.name())))
        }
    }
}
