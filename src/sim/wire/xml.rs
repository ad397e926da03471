//! Writing the XML that the query protocols answer with.

use jiff::Timestamp;
use quick_xml::escape::escape;
use std::fmt::Display;

/// XML under construction.
#[derive(Clone, Debug, Default)]
pub(super) struct Xml {
    out: String,
}

impl Xml {
    pub(super) fn new() -> Self {
        Self::default()
    }

    pub(super) fn as_str(&self) -> &str {
        &self.out
    }

    /// `<tag>value</tag>`.
    pub(super) fn text(&mut self, tag: &str, value: impl Display) -> &mut Self {
        let value = value.to_string();
        self.out.push_str(&format!("<{tag}>{}</{tag}>", escape(value.as_str())));
        self
    }

    /// A time, to the millisecond as AWS writes it.
    pub(super) fn time(&mut self, tag: &str, at: Timestamp) -> &mut Self {
        self.text(tag, format!("{at:.3}"))
    }

    /// The same, where there is a value.
    pub(super) fn maybe(&mut self, tag: &str, value: Option<impl Display>) -> &mut Self {
        if let Some(value) = value {
            self.text(tag, value);
        }
        self
    }

    /// `<tag>` around what `fill` writes.
    pub(super) fn within(&mut self, tag: &str, fill: impl FnOnce(&mut Self)) -> &mut Self {
        self.out.push_str(&format!("<{tag}>"));
        fill(self);
        self.out.push_str(&format!("</{tag}>"));
        self
    }

    /// A list of the query protocol: `<tag><member>…</member>…</tag>`.
    pub(super) fn list<T>(
        &mut self,
        tag: &str,
        items: impl IntoIterator<Item = T>,
        mut fill: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        self.within(tag, |xml| {
            for item in items {
                xml.within("member", |xml| fill(xml, item));
            }
        })
    }

    /// A list of texts.
    pub(super) fn texts<T: Display>(
        &mut self,
        tag: &str,
        items: impl IntoIterator<Item = T>,
    ) -> &mut Self {
        self.within(tag, |xml| {
            for item in items {
                xml.text("member", item);
            }
        })
    }

    /// A list of EC2's protocol: `<tag><item>…</item>…</tag>`.
    pub(super) fn items<T>(
        &mut self,
        tag: &str,
        items: impl IntoIterator<Item = T>,
        mut fill: impl FnMut(&mut Self, T),
    ) -> &mut Self {
        self.within(tag, |xml| {
            for item in items {
                xml.within("item", |xml| fill(xml, item));
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markup_in_values_is_escaped() {
        let mut xml = Xml::new();
        xml.text("Name", "a<b>&\"c\"").texts("L", ["x", "y"]);
        assert_eq!(
            xml.as_str(),
            "<Name>a&lt;b&gt;&amp;&quot;c&quot;</Name><L><member>x</member><member>y</member></L>"
        );
    }
}
