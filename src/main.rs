//! The binary: everything testable is in the library.

fn main() {}
