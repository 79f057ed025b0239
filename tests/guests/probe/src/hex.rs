//! Bytes as hex digits.

/// Two lowercase digits a byte.
pub fn show(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The bytes of a text of hex digits; absent when it is something else.
pub fn read(text: &str) -> Option<Vec<u8>> {
    let digits: Vec<u8> = text.chars().map(|c| c.to_digit(16).map(|d| d as u8)).collect::<Option<_>>()?;
    let pairs = digits.chunks_exact(2);
    pairs.remainder().is_empty().then(|| pairs.map(|pair| pair[0] << 4 | pair[1]).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        assert_eq!(show(&[0, 255, 16]), "00ff10");
        assert_eq!(read("00fF10"), Some(vec![0, 255, 16]));
        assert_eq!((read("0"), read("xx"), read("")), (None, None, Some(vec![])));
    }
}
