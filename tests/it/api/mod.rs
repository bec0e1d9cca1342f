//! The API through its router, over a real database; files by resource.

mod access;
mod duty;
mod errors;
mod fixes;
mod health;
mod inquiries;
mod openapi;
mod register;
mod samples;
mod shifts;
mod stream;
mod support;
mod tracks;
mod violations;
