//! Bytes to and from wire messages; sans-IO; knows no domain type.
