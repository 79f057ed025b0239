//! A VFS for SQLite that passes all calls on to the system's own, and notes what is done to the files of a watched folder, in
//! order. It can let a write or a sync fail.
//!
//! SQLite takes a VFS as C structures of function pointers: this file is `unsafe` for that, and nothing else is. It is the
//! default VFS of the test program from its first use on; whatever is not in a watched folder goes through it untouched.

#![allow(unsafe_code)]

use std::ffi::{CStr, OsStr, c_char, c_int, c_void};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock};

use rusqlite::ffi;

use super::disk::Op;

/// What is done to the files of a folder.
#[derive(Default)]
pub struct Tape {
    /// In order.
    pub ops: Vec<Op>,
    /// The sync that fails, counted from 0; after a failed one the others are as they should be.
    pub fails_sync: Option<usize>,
    /// The write that fails, likewise.
    pub fails_write: Option<usize>,
    /// How many there were.
    pub syncs: usize,
    /// How many there were.
    pub writes: usize,
}

type Shared = Arc<Mutex<Tape>>;

/// The watched folders.
static WATCHED: Mutex<Vec<(PathBuf, Shared)>> = Mutex::new(Vec::new());

/// Notes from now on what SQLite does in a folder, until it is watched no more.
pub fn watch(folder: &Path, tape: Tape) -> Shared {
    static ONCE: OnceLock<()> = OnceLock::new();
    ONCE.get_or_init(register);
    let tape = Arc::new(Mutex::new(tape));
    // SQLite names files without links in their paths.
    WATCHED.lock().unwrap().push((folder.canonicalize().unwrap(), tape.clone()));
    tape
}

/// Ends that: the folder's files must be closed.
pub fn unwatch(folder: &Path) {
    let folder = folder.canonicalize().unwrap();
    WATCHED.lock().unwrap().retain(|(watched, _)| *watched != folder);
}

/// The tape that a file is noted on, and its name; none for the index of a WAL, which is not on disk.
fn noted(name: *const c_char) -> Option<(Shared, String)> {
    if name.is_null() {
        return None;
    }
    // SAFETY: SQLite hands over paths that end in NUL.
    let path = Path::new(OsStr::from_bytes(unsafe { CStr::from_ptr(name) }.to_bytes()));
    let watched = WATCHED.lock().unwrap();
    let (_, tape) = watched.iter().find(|(folder, _)| path.parent() == Some(folder))?;
    Some((tape.clone(), path.file_name()?.to_str()?.to_owned()))
}

/// An open file: SQLite's part, ours, and behind it in the same memory the system's.
#[repr(C)]
struct File {
    base: ffi::sqlite3_file,
    /// From `Box::into_raw`; null when the file is not watched.
    noted: *mut Noted,
}

/// A watched file.
struct Noted {
    tape: Shared,
    name: String,
    /// Whether its next sync is one of the folder too: the first one of a journal or a WAL, as SQLite's `unixSync` has it.
    folder: bool,
}

/// The system's VFS.
fn system() -> *mut ffi::sqlite3_vfs {
    static SYSTEM: OnceLock<usize> = OnceLock::new();
    // SAFETY: a VFS that was registered stays where it is.
    *SYSTEM.get_or_init(|| unsafe { ffi::sqlite3_vfs_find(std::ptr::null()) } as usize)
        as *mut ffi::sqlite3_vfs
}

fn register() {
    // SAFETY: `system` is SQLite's own, and what is made from it is never freed.
    unsafe {
        let own = Box::leak(Box::new(*system()));
        own.pNext = std::ptr::null_mut();
        own.zName = c"noted".as_ptr();
        own.szOsFile += size_of::<File>() as c_int;
        own.xOpen = Some(open);
        own.xDelete = Some(delete);
        assert_eq!(ffi::sqlite3_vfs_register(own, 1), ffi::SQLITE_OK);
    }
}

/// The system's part of an open file.
unsafe fn inner(file: *mut ffi::sqlite3_file) -> *mut ffi::sqlite3_file {
    // SAFETY: `szOsFile` made room for both, and `File` is a multiple of a pointer's size.
    unsafe { file.cast::<File>().add(1).cast() }
}

/// Calls a method of the system's part.
macro_rules! pass {
    ($file:ident, $method:ident $(, $argument:expr)*) => {{
        // SAFETY: SQLite calls this on open files, whose methods are the system's own.
        unsafe {
            let inner = inner($file);
            match (*(*inner).pMethods).$method {
                Some(method) => method(inner $(, $argument)*),
                None => Default::default(),
            }
        }
    }};
}

/// Lets an operation be noted, if its file is watched; an error is what SQLite is answered instead.
fn note(
    file: *mut ffi::sqlite3_file,
    what: impl FnOnce(&mut Tape, &mut Noted) -> Result<(), c_int>,
) -> Result<(), c_int> {
    // SAFETY: it is an open file of ours, which SQLite uses from one thread at a time.
    match unsafe { (*file.cast::<File>()).noted.as_mut() } {
        Some(noted) => what(&mut noted.tape.clone().lock().unwrap(), noted),
        None => Ok(()),
    }
}

unsafe extern "C" fn open(
    _: *mut ffi::sqlite3_vfs,
    name: ffi::sqlite3_filename,
    file: *mut ffi::sqlite3_file,
    flags: c_int,
    out: *mut c_int,
) -> c_int {
    // SAFETY: SQLite hands over `szOsFile` bytes, which are ours and the system's.
    unsafe {
        let own = file.cast::<File>();
        (*own).base.pMethods = std::ptr::null();
        (*own).noted = std::ptr::null_mut();
        let Some(open) = (*system()).xOpen else { return ffi::SQLITE_CANTOPEN };
        let code = open(system(), name, inner(file), flags, out);
        if code == ffi::SQLITE_OK {
            let folder = flags & ffi::SQLITE_OPEN_CREATE != 0
                && flags & (ffi::SQLITE_OPEN_MAIN_JOURNAL | ffi::SQLITE_OPEN_WAL) != 0;
            let noted = noted(name).map(|(tape, name)| Box::new(Noted { tape, name, folder }));
            (*own).noted = noted.map_or(std::ptr::null_mut(), Box::into_raw);
            (*own).base.pMethods = &METHODS;
        }
        code
    }
}

unsafe extern "C" fn delete(_: *mut ffi::sqlite3_vfs, name: *const c_char, sync: c_int) -> c_int {
    if let Some((tape, file)) = noted(name) {
        tape.lock().unwrap().ops.push(Op::Delete { file, synced: sync != 0 });
    }
    // SAFETY: the arguments are SQLite's.
    unsafe { (*system()).xDelete.map_or(ffi::SQLITE_OK, |delete| delete(system(), name, sync)) }
}

unsafe extern "C" fn close(file: *mut ffi::sqlite3_file) -> c_int {
    // SAFETY: it was made by `open`, and is closed once.
    unsafe {
        let noted = std::mem::replace(&mut (*file.cast::<File>()).noted, std::ptr::null_mut());
        if !noted.is_null() {
            drop(Box::from_raw(noted));
        }
    }
    pass!(file, xClose)
}

unsafe extern "C" fn write(
    file: *mut ffi::sqlite3_file,
    bytes: *const c_void,
    size: c_int,
    at: i64,
) -> c_int {
    let noted = note(file, |tape, noted| {
        tape.writes += 1;
        if tape.fails_write == Some(tape.writes - 1) {
            tape.ops.push(Op::Failed);
            return Err(ffi::SQLITE_IOERR_WRITE);
        }
        // SAFETY: so many bytes are there.
        let bytes = unsafe { std::slice::from_raw_parts(bytes.cast::<u8>(), size as usize) }.to_vec();
        tape.ops.push(Op::Write { file: noted.name.clone(), at: at as usize, bytes });
        Ok(())
    });
    match noted {
        Ok(()) => pass!(file, xWrite, bytes, size, at),
        Err(code) => code,
    }
}

unsafe extern "C" fn truncate(file: *mut ffi::sqlite3_file, size: i64) -> c_int {
    let _noted = note(file, |tape, noted| {
        tape.ops.push(Op::Truncate { file: noted.name.clone(), size: size as usize });
        Ok(())
    });
    pass!(file, xTruncate, size)
}

unsafe extern "C" fn sync(file: *mut ffi::sqlite3_file, flags: c_int) -> c_int {
    let noted = note(file, |tape, noted| {
        tape.syncs += 1;
        let fails = tape.fails_sync == Some(tape.syncs - 1);
        if fails {
            tape.ops.push(Op::Failed);
        }
        let folder = std::mem::take(&mut noted.folder);
        tape.ops.push(Op::Sync { file: noted.name.clone(), folder, fails });
        if fails { Err(ffi::SQLITE_IOERR_FSYNC) } else { Ok(()) }
    });
    match noted {
        Ok(()) => pass!(file, xSync, flags),
        Err(code) => code,
    }
}

unsafe extern "C" fn read(file: *mut ffi::sqlite3_file, bytes: *mut c_void, size: c_int, at: i64) -> c_int {
    pass!(file, xRead, bytes, size, at)
}

unsafe extern "C" fn file_size(file: *mut ffi::sqlite3_file, size: *mut i64) -> c_int {
    pass!(file, xFileSize, size)
}

unsafe extern "C" fn lock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    pass!(file, xLock, level)
}

unsafe extern "C" fn unlock(file: *mut ffi::sqlite3_file, level: c_int) -> c_int {
    pass!(file, xUnlock, level)
}

unsafe extern "C" fn is_reserved(file: *mut ffi::sqlite3_file, out: *mut c_int) -> c_int {
    pass!(file, xCheckReservedLock, out)
}

unsafe extern "C" fn control(file: *mut ffi::sqlite3_file, what: c_int, argument: *mut c_void) -> c_int {
    pass!(file, xFileControl, what, argument)
}

unsafe extern "C" fn sector(file: *mut ffi::sqlite3_file) -> c_int {
    pass!(file, xSectorSize)
}

unsafe extern "C" fn device(file: *mut ffi::sqlite3_file) -> c_int {
    pass!(file, xDeviceCharacteristics)
}

unsafe extern "C" fn shm_map(
    file: *mut ffi::sqlite3_file,
    page: c_int,
    size: c_int,
    extend: c_int,
    out: *mut *mut c_void,
) -> c_int {
    pass!(file, xShmMap, page, size, extend, out)
}

unsafe extern "C" fn shm_lock(
    file: *mut ffi::sqlite3_file,
    from: c_int,
    count: c_int,
    flags: c_int,
) -> c_int {
    pass!(file, xShmLock, from, count, flags)
}

unsafe extern "C" fn shm_barrier(file: *mut ffi::sqlite3_file) {
    pass!(file, xShmBarrier)
}

unsafe extern "C" fn shm_unmap(file: *mut ffi::sqlite3_file, delete: c_int) -> c_int {
    pass!(file, xShmUnmap, delete)
}

/// Without memory-mapped reads, which are version 3.
static METHODS: ffi::sqlite3_io_methods = ffi::sqlite3_io_methods {
    iVersion: 2,
    xClose: Some(close),
    xRead: Some(read),
    xWrite: Some(write),
    xTruncate: Some(truncate),
    xSync: Some(sync),
    xFileSize: Some(file_size),
    xLock: Some(lock),
    xUnlock: Some(unlock),
    xCheckReservedLock: Some(is_reserved),
    xFileControl: Some(control),
    xSectorSize: Some(sector),
    xDeviceCharacteristics: Some(device),
    xShmMap: Some(shm_map),
    xShmLock: Some(shm_lock),
    xShmBarrier: Some(shm_barrier),
    xShmUnmap: Some(shm_unmap),
    xFetch: None,
    xUnfetch: None,
};
