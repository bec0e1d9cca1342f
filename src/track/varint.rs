//! Numbers of variable length: seven bits a byte, lowest first, the top bit says "more".

use super::TrackError;

/// Appends `value`.
#[inline]
pub(super) fn put(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        #[expect(clippy::cast_possible_truncation, reason = "the low byte is meant")]
        bytes.push(value as u8 | 0x80);
        value >>= 7;
    }
    #[expect(clippy::cast_possible_truncation, reason = "it is below 128")]
    bytes.push(value as u8);
}

/// Appends `value` so that small numbers of either sign are short.
#[inline]
pub(super) fn put_signed(bytes: &mut Vec<u8>, value: i64) {
    put(bytes, zigzag(value));
}

/// Takes a number from the front.
#[inline]
pub(super) fn take(bytes: &mut &[u8]) -> Result<u64, TrackError> {
    let (&first, rest) = bytes.split_first().ok_or(TrackError::Truncated)?;
    *bytes = rest;
    if first < 0x80 {
        return Ok(u64::from(first));
    }
    take_rest(bytes, u64::from(first & 0x7f))
}

fn take_rest(bytes: &mut &[u8], mut value: u64) -> Result<u64, TrackError> {
    let mut shift = 7;
    while let Some((&byte, rest)) = bytes.split_first() {
        *bytes = rest;
        // The tenth byte holds the last bit.
        if shift == 63 && byte > 1 {
            return Err(TrackError::Range { what: "number" });
        }
        value |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return Ok(value);
        }
        shift += 7;
    }
    Err(TrackError::Truncated)
}

/// Takes a signed number from the front.
#[inline]
pub(super) fn take_signed(bytes: &mut &[u8]) -> Result<i64, TrackError> {
    take(bytes).map(unzigzag)
}

/// 0, -1, 1, -2, 2... become 0, 1, 2, 3, 4...
#[inline]
pub(super) const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

/// The reverse of [`zigzag`].
#[inline]
pub(super) const fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_comes_back() {
        for value in (0..64).flat_map(|bit| [(1_u64 << bit) - 1, 1 << bit, u64::MAX >> bit]) {
            let mut bytes = Vec::new();
            put(&mut bytes, value);
            assert_eq!(take(&mut bytes.as_slice()), Ok(value));
            assert_eq!(zigzag(unzigzag(value)), value);
            bytes.pop();
            assert_eq!(take(&mut bytes.as_slice()), Err(TrackError::Truncated));
        }
    }

    #[test]
    fn a_number_past_64_bits_is_refused() {
        let mut bytes = vec![0xff; 9];
        bytes.push(2);
        assert!(matches!(
            take(&mut bytes.as_slice()),
            Err(TrackError::Range { .. })
        ));
        assert!(take(&mut [0xff_u8; 20].as_slice()).is_err());
    }
}
