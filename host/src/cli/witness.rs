//! `aos-host witness`: a witness that other hosts' logs can ask.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use audit::{Kind, VerifierKey};
use clap::Args;
use tokio::net::TcpListener;

use super::failure::{Code, Failure};
use super::out::{Out, note};
use super::place::Interrupts;
use super::view::escape::visible;
use crate::witness::{Witness, WitnessError, server};

/// Arguments of `witness`.
#[derive(Debug, Args)]
pub struct WitnessArgs {
    /// Where it listens; behind a server for https when strangers ask
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub listen: SocketAddr,
    /// Where its key is, which its first start makes, and what it has seen
    #[arg(long, value_name = "DIR")]
    pub dir: PathBuf,
    /// The key of a log that may ask, as `audit key` prints it
    #[arg(long = "log", value_name = "KEY", required = true, value_parser = log)]
    pub logs: Vec<VerifierKey>,
    /// The name of its key, such as witness.example/1 [default: one that no other has]
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
}

fn log(text: &str) -> Result<VerifierKey, String> {
    let key: VerifierKey = text.parse().map_err(|error: audit::KeyError| error.to_string())?;
    match key.kind() {
        Kind::Author => Ok(key),
        Kind::Witness => Err("this is a witness's key, not a log's".into()),
    }
}

/// Answers until it is interrupted. Its key is printed when it listens.
///
/// # Errors
/// When it cannot listen, or its directory cannot be used.
pub fn witness(args: &WitnessArgs, out: &mut Out) -> Result<Code, Failure> {
    let witness = Arc::new(Witness::open(&args.dir, args.name.as_deref(), &args.logs)?);
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build();
    let runtime = runtime.map_err(|error| Failure::new(Code::Internal, error))?;
    runtime.block_on(async {
        let mut interrupts = Interrupts::new()?;
        let cannot = |source| WitnessError::Listen { address: args.listen.to_string(), source };
        let listener = TcpListener::bind(args.listen).await.map_err(cannot)?;
        let address = listener.local_addr().map_err(cannot)?;
        out.line(&witness.key().to_string())?;
        out.finish()?;
        note(&format!("witness up, at http://{address}; Ctrl-C ends it"));
        tokio::select! {
            () = interrupts.next() => {}
            () = server::serve(listener, witness, |event| note(&visible(event))) => {}
        }
        Ok(Code::Ok)
    })
}

impl From<WitnessError> for Failure {
    fn from(error: WitnessError) -> Failure {
        let code = match &error {
            WitnessError::Io { .. } | WitnessError::Listen { .. } | WitnessError::Key { .. } => Code::Usage,
            WitnessError::Busy(_) | WitnessError::Memory { .. } => Code::State,
        };
        Failure::new(code, error)
    }
}
