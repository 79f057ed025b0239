//! The verifier of exports, for `docs/verify.html`: [`session`] checks one, and this file is what the page calls.
//!
//! The page writes into [`room`] and says how much; answers are JSON that it reads from [`answer`]. It is the whole interface:
//! numbers and one buffer, so that nothing is generated and nothing has to be trusted but this file.

// An exported name could clash with another one; these are the only ones.
#![allow(unsafe_code)]

pub mod session;

use std::sync::{Mutex, MutexGuard, PoisonError};

use session::Session;

/// The page's buffer: bytes. A file of any size goes through it in pieces.
const ROOM_BYTES: usize = 64 << 10;

struct Page {
    room: Vec<u8>,
    session: Option<Session>,
    answer: String,
}

static PAGE: Mutex<Page> = Mutex::new(Page { room: Vec::new(), session: None, answer: String::new() });

fn page() -> MutexGuard<'static, Page> {
    // A page has one thread: nobody holds it, and nobody left it broken.
    let mut page = PAGE.lock().unwrap_or_else(PoisonError::into_inner);
    page.room.resize(ROOM_BYTES, 0);
    page
}

/// Where the page writes; it stays there.
#[unsafe(no_mangle)]
pub extern "C" fn room() -> *const u8 {
    page().room.as_ptr()
}

/// How much it can write at once: bytes.
#[unsafe(no_mangle)]
pub extern "C" fn room_bytes() -> usize {
    ROOM_BYTES
}

/// Begins with the keys that are written there, one a line. Answers whether they are keys.
#[unsafe(no_mangle)]
pub extern "C" fn begin(bytes: usize) -> bool {
    let Page { room, session, answer } = &mut *page();
    let keys = String::from_utf8_lossy(&room[..bytes.min(ROOM_BYTES)]);
    match Session::new(&keys) {
        Ok(new) => {
            *session = Some(new);
            true
        }
        Err(error) => {
            *answer = session::refused(&error, None);
            false
        }
    }
}

/// Takes the file's next bytes from there. Answers whether all was well so far.
#[unsafe(no_mangle)]
pub extern "C" fn feed(bytes: usize) -> bool {
    let Page { room, session, .. } = &mut *page();
    session.as_mut().is_some_and(|session| session.feed(&room[..bytes.min(ROOM_BYTES)]))
}

/// Ends. Answers whether the export holds; what it shows, or what is wrong, is the answer.
#[unsafe(no_mangle)]
pub extern "C" fn finish() -> bool {
    let Page { session, answer, .. } = &mut *page();
    let (holds, said) = match session.take() {
        Some(session) => session.finish(),
        None => (false, session::refused("there is no file", None)),
    };
    *answer = said;
    holds
}

/// Where the answer is: JSON.
#[unsafe(no_mangle)]
pub extern "C" fn answer() -> *const u8 {
    page().answer.as_ptr()
}

/// How long it is: bytes.
#[unsafe(no_mangle)]
pub extern "C" fn answer_bytes() -> usize {
    page().answer.len()
}
