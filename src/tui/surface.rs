//! The engine's `Surface` on a real terminal.

use super::canvas::Canvas;
use super::clipboard::Between;
use super::terminal;
use super::writer::Writer;
use crate::app::{Model, Size};
use crate::engine::console::{Operator, Painted, Surface};
use rustix::process::{Signal, getpgrp, getppid, getsid, kill_current_process_group};
use std::io;

/// The canvas, and the writer that its frames are handed to.
#[derive(Debug)]
pub(super) struct TerminalSurface {
    canvas: Canvas,
    writer: Writer,
    between: Between,
    /// What is on its way to the clipboard; only the latest would stay there.
    copied: Vec<u8>,
}

impl TerminalSurface {
    /// Starts the writer.
    pub(super) fn open(canvas: Canvas, between: Between) -> io::Result<Self> {
        Ok(Self { canvas, writer: Writer::start()?, between, copied: Vec::new() })
    }
}

impl Surface for TerminalSurface {
    fn is_ready(&self) -> bool {
        self.writer.is_free()
    }

    fn paint(&mut self, model: &Model, operator: Operator) -> io::Result<Painted> {
        let (frame, painted) = self.canvas.compose(model, operator);
        let mut bytes = std::mem::take(&mut self.copied);
        bytes.extend(frame);
        if !bytes.is_empty() {
            self.writer.hand_over(bytes)?;
        }
        Ok(painted)
    }

    async fn written(&mut self) -> io::Result<()> {
        self.writer.written().await
    }

    fn forget(&mut self) {
        self.canvas.forget();
    }

    fn suspend(&mut self) -> Result<(), &'static str> {
        if !can_be_resumed() {
            return Err("Nothing here could resume a stopped console, so it goes on.");
        }
        terminal::restore();
        // The whole group, as the kernel does for Ctrl-Z: a wrapper script must stop with us.
        // SIGSTOP, because SIGTSTP is ours to catch. SIGCONT brings us back, as an event.
        let _ = kill_current_process_group(Signal::STOP);
        Ok(())
    }

    fn resume(&mut self) {
        // A terminal that refuses is gone, and the next frame finds out.
        let _ = terminal::enter();
    }

    fn copy(&mut self, text: &str) {
        self.copied = self.between.copy(text);
    }

    fn size(&self) -> Option<Size> {
        terminal::size()
    }
}

/// Whether a shell stands by that could continue us: our parent is in our session, and we are not
/// in the session leader's own group. Without one (`ssh -t host quarterdeck`, a container's first
/// process) a stopped console would stay so for ever.
fn can_be_resumed() -> bool {
    let (Ok(session), Some(parent)) = (getsid(None), getppid()) else { return false };
    getpgrp() != session && getsid(Some(parent)) == Ok(session)
}
