//! A Rust file as the rules see it: the names it uses, each with its line and whether it stands in
//! test code. Made from the compiler's own tokens, so that comments and strings count for nothing
//! and nested `use` lists are spelled out.

use proc_macro2::{Delimiter, Spacing, TokenStream, TokenTree};

/// A path that the code names: `crate::core::ids`, `Vec`, `now`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name {
    pub segments: Vec<String>,
    pub line: usize,
    /// Within an item under `#[cfg(test)]`, or in a file that is one (`tests.rs`, `tests/`).
    pub test: bool,
    /// Directly behind `use`.
    pub imported: bool,
}

impl Name {
    pub fn first(&self) -> &str {
        &self.segments[0]
    }
}

/// A file below `src`.
#[derive(Debug)]
pub struct Source {
    /// `core/ids.rs`.
    pub path: String,
    pub text: String,
    pub names: Vec<Name>,
    /// Lines of test code.
    pub test_lines: usize,
    /// The files, without their ending, of modules declared under `#[cfg(test)]`.
    pub test_files: Vec<String>,
}

impl Source {
    /// # Panics
    /// When the text is no Rust.
    pub fn new(path: &str, text: &str) -> Self {
        let tokens: TokenStream =
            text.parse().unwrap_or_else(|error| panic!("{path} is no Rust: {error}"));
        let mut source = Self {
            path: path.to_owned(),
            text: text.to_owned(),
            names: Vec::new(),
            test_lines: 0,
            test_files: Vec::new(),
        };
        source.read(tokens, &[], false);
        if path.split(['/', '.']).any(|part| part == "tests") {
            source.is_test();
        }
        source
    }

    /// Takes the whole file for test code.
    pub fn is_test(&mut self) {
        self.test_lines = self.text.lines().count();
        self.names.iter_mut().for_each(|name| name.test = true);
    }

    /// The file's module as a path: `core/inventory` for `core/inventory/mod.rs`.
    pub fn module(&self) -> &str {
        let path = self.path.trim_end_matches(".rs");
        path.strip_suffix("/mod").unwrap_or(path)
    }

    /// The room: the first folder, or the file's own name at the top of `src`.
    pub fn room(&self) -> &str {
        self.path.split('/').next().unwrap_or_default().trim_end_matches(".rs")
    }

    /// How deep the file's module lies below the crate's root.
    fn depth(&self) -> usize {
        let module = self.module();
        if matches!(module, "lib" | "main") { 0 } else { module.split('/').count() }
    }

    /// The room that a name leads to, if it leads out of its module by way of the crate's root.
    pub fn room_named<'a>(&self, name: &'a Name) -> Option<&'a str> {
        let below_root = match name.first() {
            "crate" | "quarterdeck" => 1,
            "super" => {
                let climbs = name.segments.iter().take_while(|one| *one == "super").count();
                if climbs < self.depth() {
                    return None;
                }
                climbs
            }
            _ => return None,
        };
        name.segments.get(below_root).map(String::as_str)
    }

    fn read(&mut self, stream: TokenStream, prefix: &[String], test: bool) {
        let tokens: Vec<_> = stream.into_iter().collect();
        let mut at = 0;
        let mut imported = false;
        while at < tokens.len() {
            if !test && is_cfg_test(&tokens[at..]) {
                let end = at + item_length(&tokens[at..]);
                self.test_lines += lines_between(&tokens[at], &tokens[end - 1]);
                if let Some(name) = declared_module(&tokens[at..end]) {
                    self.test_files.push(format!("{}/{name}", self.module()));
                }
                self.read(tokens[at..end].iter().cloned().collect(), prefix, true);
                at = end;
                continue;
            }
            at += match &tokens[at] {
                TokenTree::Ident(word) => {
                    let keyword = word == "use";
                    let taken = self.read_path(&tokens[at..], prefix, (test, imported));
                    imported = keyword;
                    taken
                }
                // The list of a `use` stands behind `::`, and `read_path` has taken it; in every
                // other group names begin anew.
                TokenTree::Group(group) => {
                    self.read(group.stream(), &[], test);
                    1
                }
                _ => 1,
            };
        }
    }

    /// Reads `a::b::c` or `a::b::{…}`; how many tokens that took.
    fn read_path(
        &mut self,
        tokens: &[TokenTree],
        prefix: &[String],
        (test, imported): (bool, bool),
    ) -> usize {
        let mut segments = prefix.to_vec();
        let line = tokens[0].span().start().line;
        let mut at = 0;
        while let Some(TokenTree::Ident(ident)) = tokens.get(at) {
            segments.push(ident.to_string());
            at += 1;
            if !is_double_colon(&tokens[at..]) {
                break;
            }
            match tokens.get(at + 2) {
                Some(TokenTree::Ident(_)) => at += 2,
                Some(TokenTree::Group(list)) if list.delimiter() == Delimiter::Brace => {
                    self.read(list.stream(), &segments, test);
                    return at + 3;
                }
                _ => break,
            }
        }
        self.names.push(Name { segments, line, test, imported });
        at
    }
}

fn is_double_colon(tokens: &[TokenTree]) -> bool {
    matches!(
        tokens,
        [TokenTree::Punct(a), TokenTree::Punct(b), ..]
            if a.as_char() == ':' && b.as_char() == ':' && a.spacing() == Spacing::Joint
    )
}

/// Whether an item under `#[cfg(test)]` begins here.
fn is_cfg_test(tokens: &[TokenTree]) -> bool {
    matches!(
        tokens,
        [TokenTree::Punct(hash), TokenTree::Group(attribute), ..]
            if hash.as_char() == '#' && attribute.stream().to_string().replace(' ', "") == "cfg(test)"
    )
}

/// The tokens of an item with its attributes: up to its body or its semicolon.
fn item_length(tokens: &[TokenTree]) -> usize {
    let ends = |token: &TokenTree| match token {
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        TokenTree::Punct(punct) => punct.as_char() == ';',
        _ => false,
    };
    tokens.iter().position(ends).map_or(tokens.len(), |end| end + 1)
}

/// The name in `mod name;`, the item's attributes and visibility apart.
fn declared_module(item: &[TokenTree]) -> Option<String> {
    let [.., TokenTree::Ident(keyword), TokenTree::Ident(name), TokenTree::Punct(_)] = item else {
        return None;
    };
    (keyword == "mod").then(|| name.to_string())
}

fn lines_between(first: &TokenTree, last: &TokenTree) -> usize {
    last.span().end().line + 1 - first.span().start().line
}
