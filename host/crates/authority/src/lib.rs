//! Who may do what: capabilities, the manifest that asks for them and the grant that gives them.
//!
//! - [`Pattern`]: the names that a right is for.
//! - [`Verb`]: what is done to them.
//! - [`Labels`]: data categories that keep a right from matching.
//! - [`Right`], [`Rights`]: what a process holds; [`Rights::decide`] and [`Rights::attenuate`].
//! - [`Manifest`]: what a publisher says that a component needs (`agent.toml`).
//! - [`Grant`]: what the operator allows, and what each label means; [`Grant::effective`] makes it.
//! - [`StandingGrant`]: what the operator allows for longer than one run.
//! - [`GrantFile`]: a grant's rights as TOML, to be read and changed by a person.
//! - [`signed`]: documents that somebody signed, and whose signature counts.
//!
//! Invariants:
//! - Pure: no I/O, no clock, no randomness; the same arguments give the same answer, also on wasm32.
//! - Fail closed: an absent right is a denial, an unknown key or name is an error.
//! - A child's rights are never wider than its needs, than what its parent may delegate, or than what was
//!   asked for. The two things that no parent need hand on are `log` and `send` to `parent`.
//! - A label in `unless` is never lost on the way from a parent to a child.
//! - Nothing covers a name that begins with `$`: those are the kernel's own.

mod grant;
mod label;
mod manifest;
mod pattern;
mod right;
pub mod signed;
mod verb;

pub use grant::{
    Asked, Effective, GRANT_LIMIT, GRANT_NAME_LIMIT, Grant, GrantError, GrantFile, Member, Missing, Mode,
    ModelPlace, More, Narrow, Narrowing, Offer, PLACES_LIMIT, Place, Signer, StandingGrant, Subject, Target,
    WEIGHT, WEIGHT_LIMIT, asked, is_grant_name, package_digest,
};
pub use label::{LabelError, Labels};
pub use manifest::{
    CHILDREN_LIMIT, Child, MANIFEST_LIMIT, Manifest, ManifestError, Package, WrittenNeed, written_needs,
};
pub use pattern::{Pattern, PatternError};
pub use right::{Decision, NotDelegable, Reason, Right, Rights, RightsError, Use};
pub use verb::{Verb, VerbError};
