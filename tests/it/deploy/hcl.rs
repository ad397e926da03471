//! Terraform as a whole: it parses, what it refers to is declared, what it declares is used, and its
//! resources have no argument that nobody looked up. `terraform validate` would need the provider.

use super::example::{Example, Faults, faults};
use hcl_edit::expr::{Expression, ForIntro, Object, ObjectKey, Traversal, TraversalOperator};
use hcl_edit::structure::{Attribute, Block, Body};
use hcl_edit::visit::{
    Visit, visit_attr, visit_block, visit_expr, visit_for_intro, visit_traversal,
    visit_traversal_operator,
};
use std::collections::{BTreeMap, BTreeSet};

/// All of `deploy/terraform`.
pub struct Terraform {
    bodies: Vec<(String, Body)>,
}

impl Terraform {
    pub fn of(example: &Example) -> Result<Self, String> {
        let parse = |(path, text): (&str, &str)| {
            let body = text.parse::<Body>().map_err(|error| format!("{path}: {error}"))?;
            Ok((path.to_owned(), body))
        };
        let bodies = example.ending(".tf").map(parse).collect::<Result<Vec<_>, String>>()?;
        if bodies.is_empty() { Err("no Terraform at all".into()) } else { Ok(Self { bodies }) }
    }

    /// Every block at the top.
    pub fn blocks(&self) -> impl Iterator<Item = &Block> {
        self.bodies.iter().flat_map(|(_, body)| body.blocks())
    }

    /// The resources, as (type, name, body).
    pub fn resources(&self) -> impl Iterator<Item = (&str, &str, &Body)> {
        let resources = self.blocks().filter(|block| block.has_ident("resource"));
        resources.filter_map(|block| match block.labels.as_slice() {
            [kind, name] => Some((kind.as_str(), name.as_str(), &block.body)),
            _ => None,
        })
    }

    pub fn resource(&self, kind: &str, name: &str) -> Result<&Body, String> {
        let mut found = self.resources().filter(|(k, n, _)| (*k, *n) == (kind, name));
        found.next().map(|(_, _, body)| body).ok_or_else(|| format!("no {kind}.{name}"))
    }

    fn locals(&self) -> impl Iterator<Item = &Attribute> {
        self.blocks().filter(|block| block.has_ident("locals")).flat_map(|b| b.body.attributes())
    }

    pub fn local(&self, name: &str) -> Result<&Expression, String> {
        let mut found = self.locals().filter(|local| local.key.as_str() == name);
        found.next().map(|local| &local.value).ok_or_else(|| format!("no local.{name}"))
    }

    /// A local that is an object of numbers.
    pub fn numbers(&self, name: &str) -> Result<BTreeMap<String, u64>, String> {
        let object = self.local(name)?.as_object();
        let object = object.ok_or_else(|| format!("local.{name} is no object"))?;
        let entries = entries(object);
        let numbers = entries.map(|(key, value)| Some((key, whole(value)?)));
        numbers.collect::<Option<_>>().ok_or_else(|| format!("local.{name} is not all numbers"))
    }

    /// A local that is a number.
    pub fn number(&self, name: &str) -> Result<u64, String> {
        whole(self.local(name)?).ok_or_else(|| format!("local.{name} is no number"))
    }

    /// The default of a variable, as written.
    pub fn default(&self, name: &str) -> Result<String, String> {
        let mut variables = self.blocks().filter(|block| block.has_ident("variable"));
        let variable = variables.find(|block| block.has_labels(&[name]));
        let variable = variable.ok_or_else(|| format!("no var.{name}"))?;
        argument(&variable.body, "default")
    }
}

/// An object's keys and values.
pub fn entries(object: &Object) -> impl Iterator<Item = (String, &Expression)> {
    let name = |key: &ObjectKey| match key {
        ObjectKey::Ident(name) => name.as_str().to_owned(),
        ObjectKey::Expression(name) => flat(name),
    };
    object.iter().map(move |(key, value)| (name(key), value.expr()))
}

fn whole(expression: &Expression) -> Option<u64> {
    expression.as_number().and_then(hcl_edit::Number::as_u64)
}

/// An expression as one line, blanks as one.
pub fn flat(expression: &Expression) -> String {
    expression.to_string().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// An argument as one line, through blocks: `metadata_options.http_tokens`.
pub fn argument(body: &Body, path: &str) -> Result<String, String> {
    let (blocks, key) = path.rsplit_once('.').map_or((None, path), |(a, b)| (Some(a), b));
    let mut body = body;
    for ident in blocks.iter().flat_map(|blocks| blocks.split('.')) {
        let block = body.get_blocks(ident).next();
        body = &block.ok_or_else(|| format!("no block {ident} ({path})"))?.body;
    }
    let found = body.get_attribute(key).ok_or_else(|| format!("no argument {path}"))?;
    Ok(flat(&found.value))
}

/// The blocks of this kind in a body, those written by `dynamic` too, as their content.
pub fn inner<'a>(body: &'a Body, kind: &'a str) -> impl Iterator<Item = &'a Body> {
    let dynamic = body.get_blocks("dynamic").filter(move |block| block.has_labels(&[kind]));
    let dynamic = dynamic.filter_map(|block| block.body.get_blocks("content").next());
    body.get_blocks(kind).chain(dynamic).map(|block| &block.body)
}

/// What an expression refers to.
#[derive(Default)]
struct References {
    /// The first name and those behind dots.
    seen: Vec<(String, Vec<String>)>,
    /// Names that `for` and `dynamic` bring.
    bound: BTreeSet<String>,
}

impl Visit for References {
    fn visit_attr(&mut self, attribute: &Attribute) {
        // Its items are names of arguments, and a variable's type is a word.
        if !matches!(attribute.key.as_str(), "ignore_changes" | "type") {
            visit_attr(self, attribute);
        }
    }

    fn visit_block(&mut self, block: &Block) {
        if block.has_ident("dynamic") {
            self.bound.extend(block.labels.iter().map(|label| label.as_str().to_owned()));
        }
        visit_block(self, block);
    }

    fn visit_for_intro(&mut self, intro: &ForIntro) {
        let names = intro.key_var.iter().chain([&intro.value_var]);
        self.bound.extend(names.map(|name| name.as_str().to_owned()));
        visit_for_intro(self, intro);
    }

    fn visit_traversal(&mut self, traversal: &Traversal) {
        let Expression::Variable(root) = &traversal.expr else {
            return visit_traversal(self, traversal);
        };
        let path = traversal.operators.iter().map_while(|operator| match operator.value() {
            TraversalOperator::GetAttr(name) => Some(name.as_str().to_owned()),
            _ => None,
        });
        self.seen.push((root.as_str().to_owned(), path.collect()));
        for operator in &traversal.operators {
            visit_traversal_operator(self, operator);
        }
    }

    fn visit_expr(&mut self, expression: &Expression) {
        match expression {
            Expression::Variable(name) => self.seen.push((name.as_str().to_owned(), vec![])),
            _ => visit_expr(self, expression),
        }
    }
}

/// Everything referred to is declared, and every variable and local is used.
pub fn references(example: &Example) -> Faults {
    faults(Terraform::of(example).map(|terraform| undeclared(&terraform)))
}

fn undeclared(terraform: &Terraform) -> Faults {
    let mut declared: BTreeSet<String> = BTreeSet::new();
    for block in terraform.blocks() {
        let labels: Vec<_> = block.labels.iter().map(|label| label.as_str()).collect();
        let prefix = match block.ident.as_str() {
            "variable" => "var.",
            "data" => "data.",
            "resource" => "",
            _ => continue,
        };
        declared.insert(format!("{prefix}{}", labels.join(".")));
    }
    declared.extend(terraform.locals().map(|local| format!("local.{}", local.key.as_str())));
    let mut references = References::default();
    for (_, body) in &terraform.bodies {
        references.visit_body(body);
    }
    let mut faults = Vec::new();
    let mut used = BTreeSet::new();
    for (root, path) in &references.seen {
        let long = match root.as_str() {
            "each" | "path" | "terraform" => continue,
            name if references.bound.contains(name) => continue,
            "data" => 2,
            _ => 1,
        };
        let path = &path[..long.min(path.len())];
        let name = path.iter().fold(root.clone(), |name, part| format!("{name}.{part}"));
        if !declared.contains(&name) {
            faults.push(format!("{name} is not declared"));
        }
        used.insert(name);
    }
    let idle =
        declared.iter().filter(|name| name.starts_with("var.") || name.starts_with("local."));
    faults
        .extend(idle.filter(|name| !used.contains(*name)).map(|name| format!("{name} is unused")));
    faults
}

/// `each` has a value only where there is a `for_each`.
pub fn each(example: &Example) -> Faults {
    faults(Terraform::of(example).map(|terraform| {
        let uses = |body: &Body| {
            let mut references = References::default();
            references.visit_body(body);
            references.seen.iter().any(|(root, _)| root == "each")
        };
        let wrong = terraform
            .resources()
            .filter(|(_, _, body)| body.has_attribute("for_each") != uses(body));
        wrong
            .map(|(kind, name, _)| {
                format!("{kind}.{name}: `each` and `for_each` do not go together")
            })
            .collect()
    }))
}

/// Arguments and blocks that a resource may have here. Whoever adds one looks it up first: each of
/// these was compared with the provider's schema.
const ARGUMENTS: &str = include_str!("arguments.txt");

/// No resource has an argument that is not in [`ARGUMENTS`].
pub fn arguments(example: &Example) -> Faults {
    let known: BTreeMap<&str, BTreeSet<&str>> = ARGUMENTS
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(kind, names)| (kind, names.split(' ').collect()))
        .collect();
    faults(Terraform::of(example).map(|terraform| {
        let mut faults = Vec::new();
        for (kind, name, body) in terraform.resources() {
            unknown(kind, body, &known, &mut |what| faults.push(format!("{kind}.{name}: {what}")));
        }
        faults
    }))
}

fn unknown(
    path: &str,
    body: &Body,
    known: &BTreeMap<&str, BTreeSet<&str>>,
    say: &mut dyn FnMut(String),
) {
    let nothing = BTreeSet::new();
    let here = known.get(path).unwrap_or(&nothing);
    for attribute in body.attributes() {
        let key = attribute.key.as_str();
        if key != "for_each" && !here.contains(key) {
            say(format!("nobody looked up {path}/{key}"));
        }
    }
    for block in body.blocks() {
        let (kind, body) = match (block.ident.as_str(), block.body.get_blocks("content").next()) {
            ("lifecycle", _) => continue,
            ("dynamic", Some(content)) => (block.labels[0].as_str(), &content.body),
            (kind, _) => (kind, &block.body),
        };
        if !here.contains(kind) {
            say(format!("nobody looked up {path}/{kind}"));
        }
        unknown(&format!("{path}/{kind}"), body, known, say);
    }
}
