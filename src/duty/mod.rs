//! From the facts to N1-N9; pure.
