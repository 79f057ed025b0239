//! A host that is killed.
