//! Whether an XML answer is whole. The SDK's parser takes a document that stops in the middle for
//! a shorter one (seen with DescribeAutoScalingGroups: half the groups, no error), and an operator
//! would be shown half a fleet as all of it. So an answer must end with the end of its root.

use aws_smithy_runtime_api::client::orchestrator::HttpResponse;

/// An answer that stops in the middle of its document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the answer stops in the middle of its document")]
pub(super) struct Half;

/// Checks a successful answer. Only the query protocol's documents are looked at, whose root is the
/// operation's name with `Response` behind it: the parser refuses half a JSON document, and says
/// better what is wrong with a web page.
pub(super) fn check(response: &HttpResponse) -> Result<(), Half> {
    let body = response.body().bytes().unwrap_or_default();
    if response.status().is_success() && !is_whole(body) { Err(Half) } else { Ok(()) }
}

fn is_whole(body: &[u8]) -> bool {
    let text = body.trim_ascii();
    let Some(root) = root_name(text).filter(|root| root.ends_with(b"Response")) else {
        return true;
    };
    text.strip_suffix(b">")
        .map(<[u8]>::trim_ascii_end)
        .and_then(|text| text.strip_suffix(root))
        .is_some_and(|text| text.ends_with(b"</"))
}

/// The name of the document's root; `None` where this is no XML document.
fn root_name(text: &[u8]) -> Option<&[u8]> {
    let text = match text.strip_prefix(b"<?") {
        Some(declared) => {
            let end = declared.windows(2).position(|two| two == b"?>")?;
            declared[end + 2..].trim_ascii_start()
        }
        None => text,
    };
    let name = text.strip_prefix(b"<")?;
    let end = name.iter().position(|byte| b" \t\r\n/>".contains(byte)).unwrap_or(name.len());
    Some(&name[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_ends_with_its_root() {
        for whole in [
            "",
            "{\"a\":1}",
            "<html><body>sign in",
            "<AResponse><b>1</b></AResponse>",
            "<?xml version=\"1.0\"?>\n<AResponse xmlns=\"x\"><b/></AResponse>\n",
            "<AResponse >x</AResponse >",
        ] {
            assert!(is_whole(whole.as_bytes()), "{whole}");
        }
        for half in [
            "<AResponse",
            "<AResponse><b>1</b>",
            "<?xml version=\"1.0\"?><AResponse><b>1</",
            "<AResponse><b/>",
            "<AResponse>x</OtherAResponse>",
        ] {
            assert!(!is_whole(half.as_bytes()), "{half}");
        }
    }
}
