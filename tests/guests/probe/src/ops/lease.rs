//! `aos:host/lease`.

use aos_guest::Failure;
use aos_guest::bindings::aos::host::lease as wit;
use serde_json::{Value, json};

use crate::args::Args;
use crate::script::Outcome;
use crate::state::{Handle, State};

/// `name` (or `huge_name`), `ttl_ms`, `wait_ms`, `as`. Answers the token.
pub fn acquire(state: &mut State, args: &mut Args) -> Result<Outcome, Failure> {
    let (handle, name) = (args.maybe_text("as")?, args.text_or_huge("name")?);
    let (ttl, wait) = (args.number("ttl_ms")?, args.maybe_number("wait_ms")?);
    let token = wit::acquire(&name, ttl, wait).map(|lease| {
        let token = lease.token();
        state.keep(handle, Handle::Lease(lease));
        token
    });
    Ok(token.map(|token| json!(token)).map_err(Into::into))
}

/// `on` a lease. Answers its token.
pub fn token(state: &State, args: &mut Args) -> Result<Outcome, Failure> {
    Ok(Ok(json!(state.lease(args)?.token())))
}

/// `on` a lease, `ttl_ms`.
pub fn renew(state: &State, args: &mut Args) -> Result<Outcome, Failure> {
    let ttl = args.number("ttl_ms")?;
    Ok(state.lease(args)?.renew(ttl).map(|()| Value::Null).map_err(Into::into))
}

/// `on` a lease.
pub fn release(state: &State, args: &mut Args) -> Result<Outcome, Failure> {
    Ok(state.lease(args)?.release().map(|()| Value::Null).map_err(Into::into))
}
