//! The `matchcast` binary. Everything it does is in [`matchcast::cli`].

use std::process::ExitCode;

fn main() -> ExitCode {
    matchcast::cli::run()
}
