//! Changes in doubt: their intent is on record, but not what came of them, because their host was killed in between. What is
//! there now decides: the new file, then it was done; the previous one, then it is done now; anything else, then nobody
//! knows. Never silently twice, never silently lost.

use std::sync::Arc;

use audit::Digest;
use bytes::Bytes;

use super::{Effect, Performed, Permit, Port, blocking};
use crate::kernel::answer::{Answer, Error};
use crate::kernel::call::Call;
use crate::kernel::mount;
use crate::kernel::path::RelPath;
use crate::kernel::ports::{Expect, Mount, MountError};

/// What is at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum There {
    Nothing,
    Folder,
    File(Digest),
}

/// What became of a change.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// It happened.
    Done,
    /// It did not; it can be made if this still holds.
    Open(Expect),
    /// Nobody knows.
    Unknown,
}

/// The change outside that a call makes, when it makes one. It was authorised before its intent was written.
pub(in crate::kernel) fn change(call: &Call, written: Option<Digest>) -> Option<Effect> {
    let at = |path: &str| RelPath::parse(path).ok();
    let expect = Expect::Any;
    Some(match call {
        Call::Write { mount, path, .. } => {
            Effect::Write { mount: mount.as_str().into(), path: at(path)?, expect, digest: written? }
        }
        Call::Remove { mount, path, .. } => {
            Effect::Remove { mount: mount.as_str().into(), path: at(path)?, expect }
        }
        Call::Rename { mount, source, target, .. } => {
            Effect::Rename { mount: mount.as_str().into(), source: at(source)?, target: at(target)?, expect }
        }
        _ => return None,
    })
}

impl Permit {
    /// Clears up a change in doubt. `previous` is of the file that it was to replace; `lost` is why it may not be made any
    /// more, if it was not.
    pub(in crate::kernel) async fn clear_up(
        self,
        previous: Option<Digest>,
        body: Option<Bytes>,
        lost: Option<Error>,
    ) -> Performed {
        let unknown = || Performed::refused(Error::UnknownOutcome);
        let Port::Mount(port) = self.port else { return unknown() };
        let cleared = blocking(move || {
            let found = look(&port, &self.effect, previous)?;
            match (found, lost) {
                (Found::Done, _) => keep(&port, &self.effect).map(Ok),
                (Found::Open(_), Some(lost)) => Ok(Err(lost)),
                (Found::Open(expect), None) => {
                    make(&port, &self.effect, &body.unwrap_or_default(), &expect).map(Ok)
                }
                (Found::Unknown, _) => Ok(Err(Error::UnknownOutcome)),
            }
        });
        match cleared.await {
            Ok(out) => Performed::of(out),
            // Somebody else was faster.
            Err(MountError::Conflict(_)) => unknown(),
            Err(error) => Performed::refused(mount::error(error)),
        }
    }
}

fn there(port: &Arc<dyn Mount>, path: &RelPath) -> Result<There, MountError> {
    match port.stat(path.as_str()) {
        Ok(listed) => Ok(listed.digest.map_or(There::Folder, There::File)),
        Err(MountError::NotFound) => Ok(There::Nothing),
        Err(error) => Err(error),
    }
}

fn look(port: &Arc<dyn Mount>, effect: &Effect, previous: Option<Digest>) -> Result<Found, MountError> {
    let before = previous.map_or(There::Nothing, There::File);
    let expect = previous.map_or(Expect::Absent, Expect::Digest);
    Ok(match effect {
        Effect::Write { path, digest, .. } => match there(port, path)? {
            There::File(found) if found == *digest => Found::Done,
            found if found == before => Found::Open(expect),
            _ => Found::Unknown,
        },
        Effect::Remove { path, .. } => match (there(port, path)?, previous) {
            (There::Nothing, _) => Found::Done,
            (There::Folder, None) => Found::Open(Expect::Any),
            (found, Some(_)) if found == before => Found::Open(expect),
            _ => Found::Unknown,
        },
        Effect::Rename { source, target, .. } => match (there(port, source)?, there(port, target)?) {
            (There::Nothing, found @ There::File(_)) if found != before => Found::Done,
            (There::File(_), found) if found == before => Found::Open(expect),
            _ => Found::Unknown,
        },
        _ => Found::Unknown,
    })
}

/// Makes sure that what was done lasts.
fn keep(port: &Arc<dyn Mount>, effect: &Effect) -> Result<Answer, MountError> {
    let kept = |path: &RelPath| match port.keep(path.as_str()) {
        // Its folder is gone too.
        Err(MountError::NotFound) => Ok(()),
        kept => kept,
    };
    match effect {
        Effect::Write { path, digest, .. } => kept(path).map(|()| Answer::Digest(*digest)),
        Effect::Remove { path, .. } => kept(path).map(|()| Answer::Done),
        Effect::Rename { source, target, .. } => {
            kept(target).and_then(|()| kept(source)).map(|()| Answer::Done)
        }
        _ => Ok(Answer::Done),
    }
}

fn make(port: &Arc<dyn Mount>, effect: &Effect, body: &[u8], expect: &Expect) -> Result<Answer, MountError> {
    match effect {
        Effect::Write { path, digest, .. } => {
            port.write(path.as_str(), body, expect).map(|()| Answer::Digest(*digest))
        }
        Effect::Remove { path, .. } => port.remove(path.as_str(), expect).map(|()| Answer::Done),
        Effect::Rename { source, target, .. } => {
            port.rename(source.as_str(), target.as_str(), expect).map(|()| Answer::Done)
        }
        _ => Err(MountError::Unavailable("not a change of a mount".into())),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Mutex;

    use super::*;
    use crate::kernel::call::Condition;
    use crate::kernel::ports::{Content, Listed, Range};

    /// Files by path, and folders, which have no bytes.
    #[derive(Default)]
    struct Shelf(Mutex<BTreeMap<String, Option<Vec<u8>>>>);

    impl Shelf {
        fn has(&self, path: &str) -> Option<Option<Vec<u8>>> {
            self.0.lock().unwrap().get(path).cloned()
        }

        fn put(&self, path: &str, bytes: Option<&[u8]>) {
            self.0.lock().unwrap().insert(path.into(), bytes.map(<[u8]>::to_vec));
        }

        fn check(&self, path: &str, expect: &Expect) -> Result<(), MountError> {
            let found = self.has(path).flatten().map(|bytes| Digest::of(&bytes));
            let holds = match expect {
                Expect::Any => true,
                Expect::Absent => self.has(path).is_none(),
                Expect::Digest(wanted) => found == Some(*wanted),
            };
            if holds { Ok(()) } else { Err(MountError::Conflict(found)) }
        }
    }

    impl Mount for Shelf {
        fn read(&self, _: &str, _: Option<Range>) -> Result<Content, MountError> {
            Err(MountError::NotFound)
        }

        fn list(&self, _: &str, _: Option<&str>, _: usize) -> Result<Vec<Listed>, MountError> {
            Err(MountError::NotFound)
        }

        fn stat(&self, path: &str) -> Result<Listed, MountError> {
            let bytes = self.has(path).ok_or(MountError::NotFound)?;
            let digest = bytes.as_ref().map(|bytes| Digest::of(bytes));
            Ok(Listed { name: path.into(), directory: bytes.is_none(), size: 0, digest })
        }

        fn write(&self, path: &str, data: &[u8], expect: &Expect) -> Result<(), MountError> {
            self.check(path, expect)?;
            self.put(path, Some(data));
            Ok(())
        }

        fn remove(&self, path: &str, expect: &Expect) -> Result<(), MountError> {
            self.check(path, expect)?;
            self.0.lock().unwrap().remove(path).map(|_| ()).ok_or(MountError::NotFound)
        }

        fn rename(&self, source: &str, target: &str, expect: &Expect) -> Result<(), MountError> {
            self.check(target, expect)?;
            let bytes = self.0.lock().unwrap().remove(source).ok_or(MountError::NotFound)?;
            self.put(target, bytes.as_deref());
            Ok(())
        }

        fn keep(&self, _: &str) -> Result<(), MountError> {
            Ok(())
        }
    }

    fn cleared(
        shelf: &Arc<Shelf>,
        call: &Call,
        previous: Option<&[u8]>,
        lost: Option<Error>,
    ) -> Result<Answer, Error> {
        let effect = change(call, Some(Digest::of(b"new"))).unwrap();
        let permit = Permit { effect, port: Port::Mount(shelf.clone()) };
        let body = Some(Bytes::from_static(b"new"));
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(permit.clear_up(previous.map(Digest::of), body, lost)).out
    }

    #[test]
    fn what_is_there_tells_what_came_of_a_write() {
        let shelf = Arc::new(Shelf::default());
        let call = Call::Write { mount: "m".into(), path: "f".into(), condition: Condition::Any };
        let it = |previous, lost| cleared(&shelf, &call, previous, lost);
        let done = Ok(Answer::Digest(Digest::of(b"new")));
        assert_eq!(it(None, None), done, "made now: nothing was there, nothing is");
        assert_eq!(shelf.has("f").flatten().unwrap(), b"new");
        assert_eq!(it(Some(b"old"), Some(Error::Denied)), done, "it was done");
        shelf.put("f", Some(b"old"));
        assert_eq!(it(Some(b"old"), Some(Error::Stale(9))), Err(Error::Stale(9)), "it may not be made now");
        assert_eq!(it(Some(b"older"), None), Err(Error::UnknownOutcome));
        assert_eq!(it(None, None), Err(Error::UnknownOutcome));
        assert_eq!(shelf.has("f").flatten().unwrap(), b"old", "what somebody else wrote stays");
        assert_eq!(it(Some(b"old"), None), done);
        assert_eq!(shelf.has("f").flatten().unwrap(), b"new");
    }

    #[test]
    fn a_removed_file_is_told_from_one_that_is_not() {
        let shelf = Arc::new(Shelf::default());
        let call = Call::Remove { mount: "m".into(), path: "f".into(), condition: Condition::Any };
        let it = |previous| cleared(&shelf, &call, previous, None);
        shelf.put("f", Some(b"old"));
        assert_eq!(it(Some(b"older")), Err(Error::UnknownOutcome));
        assert_eq!(it(Some(b"old")), Ok(Answer::Done));
        assert_eq!(shelf.has("f"), None);
        assert_eq!(it(Some(b"old")), Ok(Answer::Done), "it was done");
        shelf.put("f", None);
        assert_eq!(it(Some(b"old")), Err(Error::UnknownOutcome), "a folder is there now");
        assert_eq!(it(None), Ok(Answer::Done), "the folder was still there");
    }

    #[test]
    fn a_renamed_file_is_told_from_one_that_is_not() {
        let shelf = Arc::new(Shelf::default());
        let (source, target) = ("f".into(), "g".into());
        let call = Call::Rename { mount: "m".into(), source, target, condition: Condition::Any };
        let it = |previous| cleared(&shelf, &call, previous, None);
        shelf.put("f", Some(b"moved"));
        assert_eq!(it(None), Ok(Answer::Done));
        assert_eq!((shelf.has("f"), shelf.has("g").flatten().unwrap()), (None, b"moved".to_vec()));
        assert_eq!(it(Some(b"old")), Ok(Answer::Done), "it was done");
        assert_eq!(
            it(Some(b"moved")),
            Err(Error::UnknownOutcome),
            "the source is gone, the target is as before"
        );
        shelf.put("f", Some(b"again"));
        assert_eq!(it(Some(b"old")), Err(Error::UnknownOutcome));
        assert_eq!(it(Some(b"moved")), Ok(Answer::Done));
        assert_eq!(shelf.has("g").flatten().unwrap(), b"again");
    }
}
