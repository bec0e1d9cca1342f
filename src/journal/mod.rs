//! The durable journal: acknowledgements leave only after it.
