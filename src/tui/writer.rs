//! A thread that writes to the terminal. A terminal may block for as long as it likes (a pty does
//! after 20 KB); the loop must not. One frame is on its way at a time, and the next is composed
//! only when that one is written: always of the latest model.

use super::terminal;
use std::io;
use std::sync::mpsc as slot;
use tokio::sync::mpsc;

/// The way to the thread and back.
#[derive(Debug)]
pub(super) struct Writer {
    frames: slot::SyncSender<Vec<u8>>,
    written: mpsc::Receiver<io::Result<()>>,
    busy: bool,
}

impl Writer {
    /// Starts the thread.
    pub(super) fn start() -> io::Result<Self> {
        Self::writing(terminal::raw_write)
    }

    /// Starts a thread that writes with this.
    fn writing(write: impl Fn(&[u8]) -> io::Result<()> + Send + 'static) -> io::Result<Self> {
        let (frames, from_loop) = slot::sync_channel::<Vec<u8>>(1);
        let (to_loop, written) = mpsc::channel(1);
        std::thread::Builder::new().name("frames".into()).spawn(move || {
            for frame in from_loop {
                if to_loop.blocking_send(write(&frame)).is_err() {
                    return;
                }
            }
        })?;
        Ok(Self { frames, written, busy: false })
    }

    /// Whether a frame can be handed over.
    pub(super) fn is_free(&self) -> bool {
        !self.busy
    }

    /// Hands a frame over. Only when free.
    pub(super) fn hand_over(&mut self, frame: Vec<u8>) -> io::Result<()> {
        self.busy = true;
        self.frames.try_send(frame).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }

    /// Waits until the frame on its way is written. Safe to drop while waiting.
    pub(super) async fn written(&mut self) -> io::Result<()> {
        if !self.busy {
            return Ok(());
        }
        let outcome = self.written.recv().await;
        self.busy = false;
        outcome.unwrap_or_else(|| Err(io::ErrorKind::BrokenPipe.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_terminal_that_blocks_keeps_the_slot_and_not_the_loop() {
        let (release, gate) = slot::sync_channel(1);
        let gate = std::sync::Mutex::new(gate);
        let write = move |_: &[u8]| {
            let waited = gate.lock().unwrap().recv();
            waited.map_err(|_| io::ErrorKind::BrokenPipe.into())
        };
        let mut writer = Writer::writing(write).unwrap();
        assert!(writer.is_free());
        writer.hand_over(b"frame".to_vec()).unwrap();
        assert!(!writer.is_free());
        release.send(()).unwrap();
        writer.written().await.unwrap();
        assert!(writer.is_free());
        writer.hand_over(b"frame".to_vec()).unwrap();
        drop(release);
        assert!(writer.written().await.is_err(), "a terminal that is gone is reported");
    }
}
