//! Wakes subscribers when something new can be read.
