//! The attributes of the cookies of browser sessions, by the variables that Laravel has for them.

use super::error::ConfigError;
use super::settings::{Cookies, SameSite};

/// The variable of the attribute `Secure`.
pub const SECURE: &str = "MATCHCAST__AUTH__SECURE_COOKIES";

/// Maximum lengths of a domain and of each part between its dots.
const MAX_DOMAIN_LEN: usize = 253;
const MAX_LABEL_LEN: usize = 63;

/// Checks the attributes that depend on each other.
pub fn attributes(secure: bool, domain: &str, same_site: &str) -> Result<Cookies, ConfigError> {
    let cookies = Cookies { secure, domain: parse_domain(domain)?, same_site: parse(same_site)? };
    if cookies.same_site == SameSite::None && !secure {
        return Err(ConfigError(format!(
            "SESSION_SAME_SITE=none needs {SECURE}=true: browsers refuse such cookies otherwise"
        )));
    }
    Ok(cookies)
}

/// Laravel reads the text `null` as no value, and its stock .env has it.
fn is_unset(text: &str) -> bool {
    matches!(text, "" | "null" | "(null)")
}

fn parse(same_site: &str) -> Result<SameSite, ConfigError> {
    match same_site.to_ascii_lowercase().as_str() {
        "lax" => Ok(SameSite::Lax),
        text if is_unset(text) => Ok(SameSite::Lax),
        "strict" => Ok(SameSite::Strict),
        "none" => Ok(SameSite::None),
        _ => Err(ConfigError("SESSION_SAME_SITE must be lax, strict or none".to_owned())),
    }
}

fn parse_domain(text: &str) -> Result<Option<String>, ConfigError> {
    if is_unset(text) {
        return Ok(None);
    }
    let domain = text.strip_prefix('.').unwrap_or(text).to_ascii_lowercase();
    if domain.len() <= MAX_DOMAIN_LEN && domain.split('.').all(is_label) {
        return Ok(Some(domain));
    }
    Err(ConfigError(format!(
        "SESSION_DOMAIN must be a domain such as example.com, without scheme, port and path, not \
         {text:?}"
    )))
}

fn is_label(label: &str) -> bool {
    (1..=MAX_LABEL_LEN).contains(&label.len())
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}
