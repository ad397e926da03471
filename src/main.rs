//! The binary: everything testable is in the library.

use quarterdeck::{cli, config::Environment};
use std::process::ExitCode;

fn main() -> ExitCode {
    cli::run(std::env::args_os(), &Environment::capture(), &cli::Live).into()
}
