//! Exclusive rights that expire, with a fencing token.
//!
//! ```no_run
//! # use std::time::Duration;
//! # use aos_guest::{lease, mount::{Condition, Mount}, Failure};
//! # fn publish(page: &[u8]) -> Result<(), Failure> {
//! let lease = lease::acquire("site", Duration::from_secs(30))?;
//! let site = Mount::open("site")?;
//! site.write_if("index.html", page, Condition::Fence(lease.token()))?;
//! lease.release()?;
//! # Ok(())
//! # }
//! ```

use std::time::Duration;

use crate::bindings::aos::host::lease as wit;
use crate::error::Error;
use crate::time::millis;

/// A lease that was granted. It may have expired since: [`Lease::renew`] and fenced writes tell.
/// Dropping it gives it back.
#[derive(Debug)]
pub struct Lease(wit::Lease);

/// Takes the lease for `ttl`, waiting in line for ever.
/// Capability: `lease` with the name.
/// Errors: `Denied`, `Busy` (this process holds it already), `Interrupted` (finish), `Invalid` (mend the name or
/// the time), `TooLarge` (64 are held: release one first), `Exhausted`.
pub fn acquire(name: &str, ttl: Duration) -> Result<Lease, Error> {
    Ok(Lease(wit::acquire(name, millis(ttl), None)?))
}

/// Takes the lease for `ttl`, waiting in line at most `wait`. Errors as [`acquire`], and `TimedOut`.
pub fn acquire_timeout(name: &str, ttl: Duration, wait: Duration) -> Result<Lease, Error> {
    Ok(Lease(wit::acquire(name, millis(ttl), Some(millis(wait)))?))
}

/// Takes the lease for `ttl` if nobody holds it; else `Busy`. Errors as [`acquire`].
pub fn try_acquire(name: &str, ttl: Duration) -> Result<Lease, Error> {
    acquire_timeout(name, ttl, Duration::ZERO)
}

impl Lease {
    pub(crate) fn new(lease: wit::Lease) -> Lease {
        Lease(lease)
    }

    /// The fencing token: larger than that of every earlier holder.
    pub fn token(&self) -> u64 {
        self.0.token()
    }

    /// Moves the expiry to now + `ttl`.
    /// Errors: `Stale` (it was lost: stop writing), `Invalid` (mend the time), `Exhausted`.
    pub fn renew(&self, ttl: Duration) -> Result<(), Error> {
        Ok(self.0.renew(millis(ttl))?)
    }

    /// Gives it to the next in line.
    /// Errors: `Stale` (it had been lost: what was written under it may be overwritten), `Exhausted` (it
    /// expires by itself).
    pub fn release(self) -> Result<(), Error> {
        Ok(self.0.release()?)
    }
}
