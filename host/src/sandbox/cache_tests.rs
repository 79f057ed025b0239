use super::*;
use std::os::unix::fs::PermissionsExt;

use crate::sandbox::component::ImportError;
use crate::sandbox::engine::{Pool, runtime};
use crate::sandbox::testing::{COMMAND, child_exe, scratch};

fn engine() -> Engine {
    let pool = Pool { processes: 2, memory: 1 << 20 };
    runtime(pool).unwrap()
}

fn stored(cache: &Cache, extension: &str) -> Vec<PathBuf> {
    let mut paths: Vec<_> = cache.files().unwrap().into_iter().map(|f| f.path).collect();
    paths.retain(|path| path.extension().is_some_and(|found| found == extension));
    paths
}

#[test]
fn compiled_once_then_loaded() {
    let dir = scratch();
    let (engine, exe) = (engine(), child_exe(&dir));
    let cache = Cache::open(&dir.join("cache")).unwrap();
    let bytes = wat::parse_str(COMMAND).unwrap();
    let first = cache.get(&engine, &exe, &bytes).unwrap();
    assert_eq!((first.hit, first.shape), (false, Shape::Command));
    assert_eq!(first.digest, Digest::of(&bytes));
    // Without the program: nothing is compiled again.
    let again = cache.get(&engine, Path::new("/nowhere"), &bytes).unwrap();
    assert!(again.hit);
    assert_eq!(again.digest, first.digest);
    // Nothing unfinished is left.
    assert_eq!(cache.files().unwrap().len(), 1);
}

#[test]
fn what_does_not_load_is_compiled_again() {
    let dir = scratch();
    let (engine, exe) = (engine(), child_exe(&dir));
    let cache = Cache::open(&dir.join("cache")).unwrap();
    let bytes = wat::parse_str(COMMAND).unwrap();
    cache.get(&engine, &exe, &bytes).unwrap();
    let code = stored(&cache, CODE).remove(0);
    for wrong in [&b""[..], b"\x7fELF", b"not code at all", &bytes] {
        fs::write(&code, wrong).unwrap();
        assert!(!cache.get(&engine, &exe, &bytes).unwrap().hit);
        assert!(cache.get(&engine, &exe, &bytes).unwrap().hit);
    }
    // Code that others could have written is not loaded either.
    fs::set_permissions(&code, fs::Permissions::from_mode(0o622)).unwrap();
    assert!(!cache.get(&engine, &exe, &bytes).unwrap().hit);
    fs::remove_file(&code).unwrap();
    let elsewhere = dir.join("elsewhere");
    fs::write(&elsewhere, b"x").unwrap();
    std::os::unix::fs::symlink(&elsewhere, &code).unwrap();
    assert!(!cache.get(&engine, &exe, &bytes).unwrap().hit);
    assert!(elsewhere.exists());
}

#[test]
fn a_refusal_is_remembered() {
    let dir = scratch();
    let (engine, exe) = (engine(), child_exe(&dir));
    let cache = Cache::open(&dir.join("cache")).unwrap();
    let text = r#"(component (import "evil:thing/x@1.0.0" (instance)))"#;
    let bytes = wat::parse_str(text).unwrap();
    let expected = CompileError::Import(ImportError::Interface("evil:thing/x@1.0.0".to_owned()));
    assert_eq!(cache.get(&engine, &exe, &bytes).err(), Some(expected.clone()));
    let nowhere = Path::new("/nowhere");
    assert_eq!(cache.get(&engine, nowhere, &bytes).err(), Some(expected));
    assert_eq!(stored(&cache, REFUSED).len(), 1);
    assert_eq!(cache.files().unwrap().len(), 1);
}

#[test]
fn many_threads_start_one_child() {
    let dir = scratch();
    let engine = engine();
    let cache = Cache::open(&dir.join("cache")).unwrap();
    let bytes = wat::parse_str(COMMAND).unwrap();
    let exe = child_exe(&dir);
    let misses = std::thread::scope(|scope| {
        let threads: Vec<_> =
            (0..8).map(|_| scope.spawn(|| cache.get(&engine, &exe, &bytes).unwrap().hit)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).filter(|hit| !hit).count()
    });
    assert_eq!(misses, 1);
}

#[test]
fn trouble_of_the_host_is_not_remembered() {
    let dir = scratch();
    let cache = Cache::open(&dir.join("cache")).unwrap();
    let bytes = wat::parse_str(COMMAND).unwrap();
    let engine = engine();
    let error = cache.get(&engine, Path::new("/nowhere"), &bytes).err();
    assert!(matches!(error, Some(CompileError::Host(_))));
    assert!(cache.files().unwrap().is_empty());
    assert!(!cache.get(&engine, &child_exe(&dir), &bytes).unwrap().hit);
}

#[test]
fn machine_code_is_never_loaded() {
    let dir = scratch();
    let engine = engine();
    let cache = Cache::open(&dir.join("cache")).unwrap();
    let bytes = wat::parse_str(COMMAND).unwrap();
    let code = engine.precompile_component(&bytes).unwrap();
    let error = cache.get(&engine, &child_exe(&dir), &code).err();
    assert_eq!(error, Some(CompileError::MachineCode));
}

#[test]
fn the_directory_must_be_private() {
    let dir = scratch();
    let open = dir.join("open");
    fs::create_dir(&open).unwrap();
    for mode in [0o755, 0o770, 0o701] {
        fs::set_permissions(&open, fs::Permissions::from_mode(mode)).unwrap();
        let error = Cache::open(&open).unwrap_err();
        assert!(matches!(error, CacheError::NotPrivate { .. }), "{mode:o}");
        assert!(error.to_string().contains("chmod 700"));
    }
    fs::set_permissions(&open, fs::Permissions::from_mode(0o700)).unwrap();
    Cache::open(&open).unwrap();
    let link = dir.join("link");
    std::os::unix::fs::symlink(&open, &link).unwrap();
    assert!(matches!(Cache::open(&link), Err(CacheError::NotPrivate { .. })));
    fs::write(dir.join("file"), b"").unwrap();
    assert!(Cache::open(&dir.join("file")).is_err());
    let made = dir.join("a/b");
    Cache::open(&made).unwrap();
    assert_eq!(fs::metadata(&made).unwrap().mode() & 0o777, 0o700);
}

#[test]
fn the_oldest_go_first() {
    let dir = scratch();
    let cache = Cache::open(&dir.join("cache")).unwrap();
    let old = SystemTime::now() - Duration::from_secs(1_000);
    let add = |name: &str, age: u32| {
        let path = cache.dir.join(name);
        let file = fs::File::create(&path).unwrap();
        // Sparse: it counts and takes no disk.
        file.set_len(CACHE_BYTES / 2).unwrap();
        file.set_modified(old - Duration::from_secs(age.into())).unwrap();
        path
    };
    let (oldest, older, young) = (add("a.cwasm", 9), add("b.cwasm", 5), add("c.cwasm", 1));
    cache.evict(&young);
    assert!(!oldest.exists() && older.exists() && young.exists());
    cache.evict(&oldest);
    assert!(older.exists());
}

#[test]
fn leftovers_are_swept() {
    let dir = scratch().join("cache");
    let cache = Cache::open(&dir).unwrap();
    let old = SystemTime::now() - LEFTOVER - Duration::from_secs(5);
    for (name, stays) in [("1-0-x.input", false), ("x.cwasm", true), ("x.refused", true)] {
        let path = cache.dir.join(name);
        fs::File::create(&path).unwrap().set_modified(old).unwrap();
        let fresh = cache.dir.join("2-0-y.output");
        fs::write(&fresh, b"").unwrap();
        Cache::open(&dir).unwrap();
        assert_eq!(path.exists(), stays, "{name}");
        assert!(fresh.exists());
    }
}

#[test]
fn what_does_not_fit_the_run_is_no_verdict() {
    let dir = scratch();
    let exe = child_exe(&dir);
    let cache = Cache::open(&dir.join("cache")).unwrap();
    let text = COMMAND.replace("(core module $m ", "(core module $m (memory 100) ");
    let bytes = wat::parse_str(text).unwrap();
    match cache.get(&engine(), &exe, &bytes).err() {
        Some(CompileError::Unfit(why)) => assert!(why.contains("memory"), "{why}"),
        other => panic!("{other:?}"),
    }
    assert!(stored(&cache, REFUSED).is_empty());
    let room = runtime(Pool { processes: 1, memory: 16 << 20 }).unwrap();
    cache.get(&room, &exe, &bytes).unwrap();
}
