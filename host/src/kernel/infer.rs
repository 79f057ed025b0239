//! Inference as the kernel sees it: who may ask which label, what is reserved, what it took. It knows no provider.

use authority::Verb;
use ledger::{MAX, Meter};

use super::answer::{Error, Spent};
use super::call::Question;
use super::decide::{Decided, Effect};
use super::ports::{Price, Traits, Usage};
use super::state::{Generation, Proc, Run};
use crate::limits::{GENERATIONS, PROMPT_BYTES};

/// The models that a process is told of, by their labels.
pub(super) fn offered<'a>(run: &'a Run, me: &'a Proc) -> impl Iterator<Item = &'a str> {
    run.grant.models.keys().map(String::as_str).filter(|label| me.may(Verb::Infer, label))
}

/// The worst case of a question, or why it is refused.
pub(super) fn question(
    run: &Run,
    me: &Proc,
    question: &Question,
    size: u64,
    traits: Option<Traits>,
    streams: bool,
) -> Result<Decided, Error> {
    if !me.may(Verb::Infer, &question.model) || !run.grant.models.contains_key(&question.model) {
        return Err(Error::Denied);
    }
    let traits = traits.ok_or(Error::Denied)?;
    if size > PROMPT_BYTES {
        return Err(Error::TooLarge(PROMPT_BYTES));
    }
    if let Some(what) = &question.fault {
        return Err(Error::Invalid(what.clone()));
    }
    if (question.tools && !traits.tools) || (question.json && !traits.json) || (streams && !traits.streaming)
    {
        return Err(Error::Unsupported);
    }
    if streams && me.generations.len() >= GENERATIONS {
        return Err(Error::Busy);
    }
    let reserve = reserve(me, question, traits)?;
    me.account.can(&reserve).map_err(|e| Error::Exhausted(e.meter))?;
    let model = question.model.clone();
    let effect = if streams { Effect::Stream { model } } else { Effect::Generate { model } };
    Ok(Decided::Act { effect, reserve })
}

fn reserve(me: &Proc, question: &Question, traits: Traits) -> Result<Vec<(Meter, u64)>, Error> {
    let (tokens_in, tokens_out) = (question.bound, u64::from(question.max_tokens));
    let mut reserve = vec![(Meter::TokensIn, tokens_in), (Meter::TokensOut, tokens_out)];
    match traits.price {
        Some(price) => reserve.push((Meter::MicroUsd, worst(price, tokens_in, tokens_out))),
        None if me.account.granted(Meter::MicroUsd) < MAX => return Err(Error::Exhausted(Meter::MicroUsd)),
        None => {}
    }
    Ok(reserve)
}

/// Micro-USD for so many tokens at most, whether the backend has some of them already or not.
fn worst(price: Price, tokens_in: u64, tokens_out: u64) -> u64 {
    let price = Price { input: price.input.max(price.cached), ..price };
    cost(price, Usage { tokens_in, tokens_out, cached: 0 })
}

/// Micro-USD for tokens at a price, rounded up.
pub(super) fn cost(price: Price, usage: Usage) -> u64 {
    let cached = usage.cached.min(usage.tokens_in);
    let terms =
        [(price.input, usage.tokens_in - cached), (price.cached, cached), (price.output, usage.tokens_out)];
    // Both below 2^53, so that three products fit easily.
    let part = |(price, tokens)| u128::from(u64::min(price, MAX)) * u128::from(u64::min(tokens, MAX));
    let parts: u128 = terms.map(part).into_iter().sum();
    u64::try_from(parts.div_ceil(1_000_000)).unwrap_or(MAX).min(MAX)
}

/// What an answer took, as charges; without a report the reservation stands.
pub(super) fn spent(reserve: &[(Meter, u64)], spent: &Spent) -> Vec<(Meter, u64)> {
    let Some(Usage { tokens_in, tokens_out, .. }) = spent.usage else { return reserve.to_vec() };
    vec![(Meter::TokensIn, tokens_in), (Meter::TokensOut, tokens_out), (Meter::MicroUsd, spent.micro_usd)]
}

/// Opens a generation whose reservation its last chunk will settle.
pub(super) fn open(me: &mut Proc, id: u64, model: &str, reserve: Vec<(Meter, u64)>) {
    me.generations.insert(id, Generation { model: model.to_owned(), reserve, ended: false });
}

/// Ends a generation: settles with what it took, or lets its reservation stand.
pub(super) fn end(me: &mut Proc, id: u64, took: Option<&Spent>) -> Option<()> {
    let generation = me.generations.get_mut(&id)?;
    generation.ended = true;
    let reserve = std::mem::take(&mut generation.reserve);
    let used = took.map_or_else(|| reserve.clone(), |took| spent(&reserve, took));
    let _uncovered = me.account.settle(&reserve, &used);
    Some(())
}
