//! The `matchcast` binary. Everything it does is in [`matchcast::cli`].

use std::process::ExitCode;

/// Returns memory to the operating system soon after it was freed, which glibc does not: it keeps
/// what lies below the last block that is in use. `.cargo/config.toml` has the times.
#[cfg(all(feature = "jemalloc", target_os = "linux", target_env = "gnu"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> ExitCode {
    matchcast::cli::run()
}
