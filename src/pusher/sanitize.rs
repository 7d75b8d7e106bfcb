//! Makes text from a provider safe for log lines, database rows and error messages.

/// Maximum length of a provider's message, in bytes. The rest is cut off.
pub const MAX_MESSAGE_BYTES: usize = 500;

/// Replaces a secret.
const REDACTED: &str = "[redacted]";

/// Replaces the `secrets` first, then control characters by spaces, and cuts the text to
/// [`MAX_MESSAGE_BYTES`] at the boundary of a character.
pub(super) fn sanitize(text: &str, secrets: &[&str]) -> String {
    let mut sanitized = text.to_owned();
    for secret in secrets.iter().filter(|secret| !secret.is_empty()) {
        sanitized = sanitized.replace(secret, REDACTED);
    }
    sanitized = sanitized.chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
    let mut sanitized = sanitized.trim().to_owned();
    let mut end = sanitized.len().min(MAX_MESSAGE_BYTES);
    while !sanitized.is_char_boundary(end) {
        end -= 1;
    }
    sanitized.truncate(end);
    sanitized
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sanitized_text_is_short_and_contains_no_secrets_or_control_characters() {
        let sanitized = sanitize("\u{1b}[31mkey s3cret\r\nand s3cret\0", &["s3cret", ""]);
        assert_eq!(sanitized, "[31mkey [redacted]  and [redacted]");
        // 500 is inside the 167th of these three-byte characters.
        assert_eq!(sanitize(&"€".repeat(400), &[]).len(), 498);
        let at_the_end = format!("{}s3cret", "a".repeat(MAX_MESSAGE_BYTES - 3));
        assert!(!sanitize(&at_the_end, &["s3cret"]).contains("s3c"));
    }
}
