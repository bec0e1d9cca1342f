//! The binary: arguments to `cli`, errors to standard error, the exit code.

fn main() {}
