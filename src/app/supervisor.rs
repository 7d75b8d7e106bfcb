//! The parts of the process that must not end by themselves: each is owned, watched and joined.

use std::panic::resume_unwind;
use std::thread::JoinHandle as ThreadHandle;
use std::time::Duration;

use anyhow::anyhow;
use tokio::sync::{oneshot, watch};
use tokio::task::{JoinError, JoinHandle};

/// A part of the process ended although nobody had stopped it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {part} ended by itself: {cause}")]
pub struct PartEnded {
    pub part: &'static str,
    pub cause: String,
}

/// A task or thread that runs until it is stopped.
pub struct Part {
    name: &'static str,
    task: JoinHandle<anyhow::Result<()>>,
    /// Set once the task has ended.
    ended: Option<Result<(), String>>,
}

impl Part {
    /// Starts a task.
    pub fn spawn(
        name: &'static str,
        task: impl Future<Output = anyhow::Result<()>> + Send + 'static,
    ) -> Self {
        Self { name, task: tokio::spawn(task), ended: None }
    }

    /// Takes over a thread that is already running.
    ///
    /// A thread of its own waits for it, so that a thread that hangs does not keep the runtime from
    /// ending.
    pub fn of_thread(name: &'static str, thread: ThreadHandle<()>) -> std::io::Result<Self> {
        let (sender, ended) = oneshot::channel();
        std::thread::Builder::new().name(format!("{name}-watch")).spawn(move || {
            // Nobody waits any more once the process is ending.
            let _ = sender.send(thread.join());
        })?;
        let task = async move {
            match ended.await? {
                Ok(()) => Ok(()),
                Err(panic) => resume_unwind(panic),
            }
        };
        Ok(Self::spawn(name, task))
    }

    /// Completes when the part ends although it has not been stopped. May be dropped and called
    /// again.
    pub async fn unexpected_end(&mut self) -> PartEnded {
        let cause = match self.end().await {
            Ok(()) => "no error".to_owned(),
            Err(cause) => cause,
        };
        PartEnded { part: self.name, cause }
    }

    /// Waits for the end after the part was stopped.
    ///
    /// # Errors
    /// If it fails, or does not end in time.
    pub async fn join(mut self, timeout: Duration) -> anyhow::Result<()> {
        match tokio::time::timeout(timeout, self.end()).await {
            Ok(ended) => ended.map_err(|cause| anyhow!("the {} failed: {cause}", self.name)),
            Err(_) => Err(anyhow!("the {} did not end in time", self.name)),
        }
    }

    async fn end(&mut self) -> Result<(), String> {
        if let Some(ended) = &self.ended {
            return ended.clone();
        }
        let ended = match (&mut self.task).await {
            Ok(result) => result.map_err(|error| format!("{error:#}")),
            Err(error) => Err(cause_of(error)),
        };
        self.ended.insert(ended).clone()
    }
}

/// A task that runs until it is told to stop.
pub struct StoppablePart {
    part: Part,
    stop: watch::Sender<bool>,
}

impl StoppablePart {
    /// Starts a task, which ends when its argument becomes true.
    pub fn spawn<F>(name: &'static str, run: impl FnOnce(watch::Receiver<bool>) -> F) -> Self
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let (stop, stopped) = watch::channel(false);
        let task = run(stopped);
        let part = Part::spawn(name, async move {
            task.await;
            Ok(())
        });
        Self { part, stop }
    }

    pub fn part(&mut self) -> &mut Part {
        &mut self.part
    }

    /// Stops the task and waits for its end. If it fails, or does not end in time, the log says so,
    /// with the `consequence`.
    pub async fn stop(self, timeout: Duration, consequence: &str) {
        self.stop.send_replace(true);
        if let Err(error) = self.part.join(timeout).await {
            tracing::warn!(%error, "{consequence}");
        }
    }
}

/// The text of a panic.
fn cause_of(error: JoinError) -> String {
    let Ok(panic) = error.try_into_panic() else { return "it was cancelled".to_owned() };
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    format!("panic: {}", text.unwrap_or_else(|| "without a message".to_owned()))
}

/// The first of these parts that ends by itself.
pub async fn first_unexpected_end<'a>(parts: impl IntoIterator<Item = &'a mut Part>) -> PartEnded {
    let ends = parts.into_iter().map(|part| Box::pin(part.unexpected_end()));
    futures_util::future::select_all(ends).await.0
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Part, PartEnded, first_unexpected_end};

    const SOON: Duration = Duration::from_secs(10);

    fn endless() -> Part {
        Part::spawn("endless part", std::future::pending())
    }

    fn ended(part: &'static str, cause: &str) -> PartEnded {
        PartEnded { part, cause: cause.to_owned() }
    }

    #[tokio::test]
    async fn a_task_that_ends_fails_or_panics_is_noticed() {
        let mut parts = [endless(), Part::spawn("publisher", async { Ok(()) })];
        let first = first_unexpected_end(&mut parts).await;
        assert_eq!(first, ended("publisher", "no error"));
        let [_, publisher] = parts;
        publisher.join(SOON).await.unwrap();

        let failing = async { Err(anyhow::anyhow!("no socket")) };
        let mut parts = [endless(), Part::spawn("HTTP server", failing)];
        let first = first_unexpected_end(&mut parts).await;
        assert_eq!(first, ended("HTTP server", "no socket"));

        let panicking = async { panic!("a bug") };
        let mut parts = [Part::spawn("publisher", panicking), endless()];
        let first = first_unexpected_end(&mut parts).await;
        assert_eq!(first, ended("publisher", "panic: a bug"));
        let [publisher, _] = parts;
        publisher.join(SOON).await.unwrap_err();
    }

    #[tokio::test]
    async fn a_thread_that_panics_is_noticed() {
        let thread = std::thread::spawn(|| panic!("a bug"));
        let mut parts = [endless(), Part::of_thread("engine", thread).unwrap()];
        let first = first_unexpected_end(&mut parts).await;
        assert_eq!(first, ended("engine", "panic: a bug"));
    }

    #[tokio::test]
    async fn a_part_that_does_not_end_is_not_waited_for() {
        let error = endless().join(Duration::from_millis(1)).await.unwrap_err();
        assert_eq!(error.to_string(), "the endless part did not end in time");
    }
}
