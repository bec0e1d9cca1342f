//! The invented county of `make demo`.
