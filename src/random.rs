//! Text that nobody can guess.

/// `bytes` random bytes of the operating system, in hexadecimal.
///
/// # Errors
/// When the operating system gives none.
pub fn unguessable_hex(bytes: usize) -> Result<String, getrandom::Error> {
    let mut random = vec![0; bytes];
    getrandom::fill(&mut random)?;
    let digit = |value: u8| char::from_digit(u32::from(value), 16).unwrap_or('0');
    Ok(random
        .iter()
        .flat_map(|byte| [digit(byte >> 4), digit(byte & 15)])
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_texts_differ() {
        let (one, other) = (unguessable_hex(16).unwrap(), unguessable_hex(16).unwrap());
        assert_eq!(one.len(), 32);
        assert!(one.bytes().all(|byte| byte.is_ascii_hexdigit()));
        assert_ne!(one, other);
    }
}
