//! x
use super::{ReadError, ReadOptions, RowSink};
use std::io::BufRead;
/// x
pub fn read(_r: impl BufRead, _o: &ReadOptions, _s: &mut RowSink<'_>) -> Result<(), ReadError> {
    Ok(())
}
