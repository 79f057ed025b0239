//! A process that is executed again on its entries, up to the last of them, and goes on live from there.

use std::sync::Arc;

use tokio::sync::oneshot;

use crate::kernel::answer::Exit;
use crate::kernel::call::{Call, Key};
use crate::kernel::gate::Passing;
use crate::kernel::live::{Control, Reply};
use crate::kernel::tape::{Next, Tape};
use crate::kernel::{Halt, Kernel, Lifted};

/// What becomes of the call that was pending at the last entry.
pub(super) enum Handed {
    /// It is told what came of its wait.
    Waits(oneshot::Receiver<Reply>),
    /// It goes on when the operator has ruled.
    Asks(oneshot::Receiver<Option<Reply>>),
}

/// See the module.
pub struct Resumed {
    tape: Tape,
    control: Arc<Control>,
    handed: Option<Handed>,
    live: bool,
    failed: Option<String>,
}

impl Resumed {
    pub(super) fn new(tape: Tape, control: Arc<Control>, handed: Option<Handed>) -> Resumed {
        Resumed { tape, control, handed, live: false, failed: None }
    }

    /// Whose it is.
    pub fn key(&self) -> Key {
        self.tape.key()
    }

    /// Whether its entries are behind it: its calls are the kernel's from here on.
    pub fn is_live(&self) -> bool {
        self.live
    }

    /// Makes a system call: answered from the entries as long as there are any. None when it is not the call that was made
    /// before: then the process goes no further.
    ///
    /// # Errors
    /// As [`Kernel::call`].
    pub async fn call(
        &mut self,
        kernel: &Arc<Kernel>,
        fuel: u64,
        call: Call,
        body: Option<Lifted>,
    ) -> Result<Option<Reply>, Halt> {
        match self.tape.next(fuel, &call, body.as_ref()) {
            Ok(Next::Answered(reply)) => {
                if self.tape.is_over() {
                    self.control.release();
                }
                return Ok(Some(*reply));
            }
            Ok(Next::Began | Next::Over) => {}
            Ok(Next::Differs) => return Ok(None),
            Err(error) => {
                self.failed = Some(error.to_string());
                return Ok(None);
            }
        }
        self.live = true;
        self.control.release();
        let key = self.tape.key();
        let reply = match self.handed.take() {
            Some(Handed::Waits(reply)) => reply.await.map_err(|_| Halt::Ended)?,
            Some(Handed::Asks(answer)) => {
                let (passing, in_flight) = Passing::new(key, fuel, call, body);
                drop(in_flight);
                kernel.asked(passing, answer).await?
            }
            None => kernel.call(key, fuel, call, body).await?,
        };
        Ok(Some(reply))
    }

    /// How it ends when it ends before it was live, which it did not: with what differs. Else none.
    pub fn strayed(mut self, fuel: u64, exit: &Exit) -> Option<Exit> {
        let why = match (self.failed, self.tape.finish(fuel, exit, None)) {
            (Some(failed), _) => failed,
            (None, Err(error)) => error.to_string(),
            (None, Ok(Some(found))) => found.to_string(),
            (None, Ok(None)) => return None,
        };
        Some(Exit::Failed { message: format!("it cannot be resumed: {why}"), cause: None })
    }
}
