//! Reading XML as AWS's query protocols write it: elements and text, no attributes that matter.
//! A document that ends before its root does is an error; quick-xml alone would not say so.

use quick_xml::Reader;
use quick_xml::events::{BytesRef, Event};

/// What is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum XmlError {
    /// It breaks the rules of XML.
    #[error("it is not well-formed XML: {0}")]
    Syntax(String),
    /// It stops inside an element.
    #[error("it ends inside <{0}>")]
    Cut(String),
    /// There is no element in it.
    #[error("it is empty")]
    Empty,
    /// What the API promises is not there.
    #[error("{0}")]
    Content(String),
}

/// Follows a document; told of every element's start, and of its end with the text that stood
/// directly in it.
pub(super) trait Visit {
    /// An element opens; `path` ends with its own name.
    fn open(&mut self, path: &[String]) -> Result<(), XmlError>;
    /// An element closes; `path` ends with its own name.
    fn close(&mut self, path: &[String], text: &str) -> Result<(), XmlError>;
}

/// Walks a whole document.
pub(super) fn walk(document: &[u8], visitor: &mut impl Visit) -> Result<(), XmlError> {
    let document = std::str::from_utf8(document).map_err(syntax)?;
    let mut reader = Reader::from_str(document);
    let mut walk = Walk { path: Vec::new(), text: String::new(), elements: 0, visitor };
    loop {
        match reader.read_event().map_err(syntax)? {
            Event::Start(tag) => walk.start(local_name(tag.local_name().as_ref()))?,
            Event::Empty(tag) => {
                walk.start(local_name(tag.local_name().as_ref()))?;
                walk.end()?;
            }
            Event::End(_) => walk.end()?,
            Event::Text(text) => walk.text.push_str(&text.decode().map_err(syntax)?),
            Event::CData(data) => walk.text.push_str(&data.decode().map_err(syntax)?),
            Event::GeneralRef(entity) => walk.text.push(resolve(&entity)?),
            Event::Eof => return walk.finish(),
            Event::Comment(_) | Event::Decl(_) | Event::PI(_) | Event::DocType(_) => {}
        }
    }
}

struct Walk<'a, V> {
    path: Vec<String>,
    text: String,
    elements: usize,
    visitor: &'a mut V,
}

impl<V: Visit> Walk<'_, V> {
    fn start(&mut self, name: String) -> Result<(), XmlError> {
        self.path.push(name);
        self.text.clear();
        self.elements += 1;
        self.visitor.open(&self.path)
    }

    fn end(&mut self) -> Result<(), XmlError> {
        self.visitor.close(&self.path, self.text.trim())?;
        self.text.clear();
        self.path.pop();
        Ok(())
    }

    fn finish(self) -> Result<(), XmlError> {
        match self.path.last() {
            Some(open) => Err(XmlError::Cut(open.clone())),
            None if self.elements == 0 => Err(XmlError::Empty),
            None => Ok(()),
        }
    }
}

fn local_name(name: &[u8]) -> String {
    String::from_utf8_lossy(name).into_owned()
}

fn syntax(error: impl std::fmt::Display) -> XmlError {
    XmlError::Syntax(error.to_string())
}

fn resolve(entity: &BytesRef<'_>) -> Result<char, XmlError> {
    if let Some(character) = entity.resolve_char_ref().map_err(syntax)? {
        return Ok(character);
    }
    match &*entity.decode().map_err(syntax)? {
        "amp" => Ok('&'),
        "lt" => Ok('<'),
        "gt" => Ok('>'),
        "quot" => Ok('"'),
        "apos" => Ok('\''),
        other => Err(XmlError::Syntax(format!("unknown entity &{other};"))),
    }
}

/// What an error document says. Three shapes carry the same elements at different depths: the
/// query protocol's `ErrorResponse`, EC2's `Response/Errors`, and the bare `Error` of Moto.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct ErrorDocument {
    pub(super) code: Option<String>,
    pub(super) message: Option<String>,
    pub(super) request_id: Option<String>,
}

impl ErrorDocument {
    /// Reads a document; one that is no XML, or is XML about something else, says nothing.
    pub(super) fn read(document: &[u8]) -> Self {
        let mut found = Self::default();
        match walk(document, &mut found) {
            Ok(()) if found.code.is_some() => found,
            _ => Self::default(),
        }
    }
}

impl Visit for ErrorDocument {
    fn open(&mut self, _path: &[String]) -> Result<(), XmlError> {
        Ok(())
    }

    fn close(&mut self, path: &[String], text: &str) -> Result<(), XmlError> {
        let field = match path.last().map(String::as_str) {
            Some("Code") => &mut self.code,
            Some("Message" | "message") => &mut self.message,
            Some("RequestId" | "RequestID" | "requestId") => &mut self.request_id,
            _ => return Ok(()),
        };
        if !text.is_empty() {
            field.get_or_insert_with(|| text.to_owned());
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_shapes_of_an_error() {
        let query = b"<ErrorResponse xmlns='x'><Error><Type>Sender</Type><Code>Throttling</Code>\
            <Message>a &amp; b &#60;</Message></Error><RequestId>r-1</RequestId></ErrorResponse>";
        let read = ErrorDocument::read(query);
        assert_eq!(read.code.as_deref(), Some("Throttling"));
        assert_eq!(read.message.as_deref(), Some("a & b <"));
        assert_eq!(read.request_id.as_deref(), Some("r-1"));

        let ec2 = b"<?xml version=\"1.0\"?><Response><Errors><Error><Code>UnauthorizedOperation\
            </Code><Message>no</Message></Error></Errors><RequestID>r-2</RequestID></Response>";
        let read = ErrorDocument::read(ec2);
        assert_eq!(read.code.as_deref(), Some("UnauthorizedOperation"));
        assert_eq!(read.request_id.as_deref(), Some("r-2"));
    }

    #[test]
    fn what_is_no_error_document_says_nothing() {
        for odd in [
            &b"<Error><Code>Throttling</Code>"[..],
            b"<html><body>Code</body></html>",
            b"{\"__type\":\"x\"}",
            b"",
            b"<a></b>",
            b"\xff\xfe",
        ] {
            assert_eq!(ErrorDocument::read(odd), ErrorDocument::default(), "{odd:?}");
        }
    }

    #[test]
    fn a_document_must_end() {
        struct Nothing;
        impl Visit for Nothing {
            fn open(&mut self, _: &[String]) -> Result<(), XmlError> {
                Ok(())
            }
            fn close(&mut self, _: &[String], _: &str) -> Result<(), XmlError> {
                Ok(())
            }
        }
        assert_eq!(walk(b"<a><b/></a>", &mut Nothing), Ok(()));
        assert_eq!(walk(b"<a><b>", &mut Nothing), Err(XmlError::Cut("b".into())));
        assert_eq!(walk(b"  ", &mut Nothing), Err(XmlError::Empty));
        assert!(matches!(walk(b"<a><b></a>", &mut Nothing), Err(XmlError::Syntax(_))));
        assert!(matches!(walk(b"<a>&x;</a>", &mut Nothing), Err(XmlError::Syntax(_))));
    }
}
