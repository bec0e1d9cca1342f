//! Load generator: many terminals over real connections.
