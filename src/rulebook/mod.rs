//! The rulebook document: TOML to `RuleSet`, checked; the default document.
