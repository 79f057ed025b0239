//! Waits for one message, or for `$stop`, and answers its body.

use aos_guest::{Failure, agent, ipc};

agent!(idle);

fn idle(_: Vec<u8>) -> Result<Vec<u8>, Failure> {
    Ok(ipc::receive()?.body)
}
