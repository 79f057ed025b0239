//! A busy machine: threads that compute for as long as it lives.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

/// Busy loops, which end when it is dropped.
pub struct Load {
    over: Arc<AtomicBool>,
    threads: Vec<JoinHandle<()>>,
}

impl Load {
    /// So many busy loops.
    pub fn new(loops: usize) -> Load {
        let over = Arc::new(AtomicBool::new(false));
        let busy = || {
            let over = over.clone();
            std::thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    black_box(());
                }
            })
        };
        let threads = (0..loops).map(|_| busy()).collect();
        Load { over, threads }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        for thread in self.threads.drain(..) {
            // A loop cannot panic.
            let _ended = thread.join();
        }
    }
}
