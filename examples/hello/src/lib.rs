//! The smallest agent that does something.

use aos_guest::{Failure, agent};

agent!(hello);

fn hello(input: String) -> Result<String, Failure> {
    aos_guest::log::info(&format!("greeting {input}"))?; // shown to the operator
    Ok(format!("Hello, {input}"))
}
