//! Why the world refuses a call: AWS's error code, its HTTP status and a sentence. The wire
//! writes it in the words of the protocol.

/// A refusal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    /// AWS's code, as the protocol's SDKs know it.
    pub(crate) code: String,
    /// The HTTP status.
    pub(crate) status: u16,
    /// The service's sentence.
    pub(crate) message: String,
    /// What the model adds to this error (JSON protocols only).
    pub(crate) fields: Vec<(&'static str, String)>,
}

impl Refused {
    /// A refusal with a status of its own.
    pub(crate) fn with_status(code: &str, status: u16, message: impl Into<String>) -> Self {
        Self { code: code.to_owned(), status, message: message.into(), fields: Vec::new() }
    }

    /// Adds a member of the error's shape.
    pub(crate) fn field(mut self, name: &'static str, value: impl Into<String>) -> Self {
        self.fields.push((name, value.into()));
        self
    }

    /// The caller's fault: 400.
    pub(crate) fn new(code: &str, message: impl Into<String>) -> Self {
        Self::with_status(code, 400, message)
    }

    /// A value outside what the model allows (Auto Scaling, ELBv2: `ValidationError`).
    pub(crate) fn validation(message: impl Into<String>) -> Self {
        Self::new("ValidationError", message)
    }

    /// A value outside what the model allows (Cloud Map).
    pub(crate) fn invalid_input(message: impl Into<String>) -> Self {
        Self::new("InvalidInput", message)
    }
}
