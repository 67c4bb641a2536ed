//! Words from the writing thread to those who wait for them: one waking of the runtime for a whole group.
//!
//! Each waking from another thread costs a system call and maybe a switch of threads; a group answers for many.

use std::sync::{Arc, Mutex};

use tokio::sync::{Notify, oneshot};

use crate::roster::lock;

/// What the writer has decided and nobody was told yet.
#[derive(Debug, Default)]
pub(crate) struct Answers {
    decided: Mutex<Vec<Decided>>,
    some: Notify,
}

/// Whether a message is stored, and who asks.
#[derive(Debug)]
struct Decided {
    stored: bool,
    reply: oneshot::Sender<bool>,
}

/// The writer's end. When it is gone, what was decided is still told.
#[derive(Debug)]
pub(crate) struct Decisions(Arc<Answers>);

impl Decisions {
    /// The writer's end, and what is to run on the runtime of those who ask.
    pub(crate) fn new() -> (Self, impl Future<Output = ()> + Send + 'static) {
        let answers = Arc::new(Answers::default());
        (Self(Arc::clone(&answers)), tell(answers))
    }

    pub(crate) fn add(&self, reply: oneshot::Sender<bool>, stored: bool) {
        lock(&self.0.decided).push(Decided { stored, reply });
    }

    /// Has everything added so far told.
    pub(crate) fn tell(&self) {
        self.0.some.notify_one();
    }
}

impl Drop for Decisions {
    fn drop(&mut self) {
        self.tell();
    }
}

/// Tells what was decided, until the writer is gone.
async fn tell(answers: Arc<Answers>) {
    loop {
        answers.some.notified().await;
        // Looked at first: what was decided before the writer went is told.
        let gone = Arc::strong_count(&answers) == 1;
        for Decided { stored, reply } in std::mem::take(&mut *lock(&answers.decided)) {
            // The connection may have gone; the message stays.
            _ = reply.send(stored);
        }
        if gone {
            return;
        }
    }
}
