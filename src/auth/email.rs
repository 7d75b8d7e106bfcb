//! E-mail addresses.

/// Addresses are stored and compared in lower case.
pub fn normalized(email: &str) -> String {
    email.to_lowercase()
}

/// A non-empty local part, one `@`, and a domain with a dot and no empty label; no white space.
/// Only delivering a message can verify more.
pub fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let no_blank = !text.chars().any(|c| c.is_whitespace() || c.is_control());
    let labels = domain.split('.').all(|label| !label.is_empty());
    no_blank && !local.is_empty() && !local.contains('@') && domain.contains('.') && labels
}
