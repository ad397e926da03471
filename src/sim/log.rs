//! The request log: one JSON line a call, in memory for tests and in a file for whoever asked.

use serde_json::{Value, json};
use std::collections::VecDeque;
use std::fs::File;
use std::io::Write;

/// Lines kept in memory: an hour of a busy console.
const KEPT: usize = 20_000;

/// The log.
#[derive(Debug, Default)]
pub(crate) struct RequestLog {
    lines: VecDeque<Value>,
    file: Option<File>,
    /// How many calls there were.
    pub(crate) calls: u64,
    /// Why the file could not be written any more.
    pub(crate) file_error: Option<String>,
}

/// What the log says of a call.
#[derive(Clone, Debug)]
pub(crate) struct Line {
    pub(crate) time: String,
    pub(crate) call: String,
    pub(crate) principal: String,
    pub(crate) access_key: String,
    pub(crate) arguments: Value,
    pub(crate) status: u16,
    pub(crate) code: Option<String>,
    pub(crate) fault: Option<String>,
    pub(crate) request_id: String,
}

impl RequestLog {
    /// A log that also writes to a file.
    pub(crate) fn with_file(file: Option<File>) -> Self {
        Self { file, ..Self::default() }
    }

    /// Adds a line.
    pub(crate) fn add(&mut self, line: Line) {
        self.calls += 1;
        let (service, action) = line.call.split_once(':').unwrap_or(("", &line.call));
        let value = json!({
            "time": line.time,
            "service": service,
            "operation": action,
            "principal": line.principal,
            "access_key": line.access_key,
            "arguments": line.arguments,
            "status": line.status,
            "code": line.code,
            "fault": line.fault,
            "request_id": line.request_id,
        });
        if let Some(file) = &mut self.file
            && let Err(why) = writeln!(file, "{value}")
        {
            self.file_error = Some(why.to_string());
            self.file = None;
        }
        if self.lines.len() >= KEPT {
            self.lines.pop_front();
        }
        self.lines.push_back(value);
    }

    /// The lines kept, oldest first.
    pub(crate) fn lines(&self) -> impl Iterator<Item = &Value> {
        self.lines.iter()
    }
}
