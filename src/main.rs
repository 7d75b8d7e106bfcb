//! The `matchcast` binary.

fn main() {}
