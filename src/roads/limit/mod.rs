//! Which limit holds on a road: posted, overridden by the operator, or by default.
//!
//! Start reading at [`tags`], which says what the map itself posts.

pub mod hours;
pub mod tags;
