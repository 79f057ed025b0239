//! State directories that are busy, damaged, read-only or full.
