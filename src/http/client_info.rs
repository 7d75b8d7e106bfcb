//! The client of a request, and what it calls itself in words that people understand.

use actix_web::HttpRequest;
use actix_web::http::header;

use crate::auth::{ClientInfo, UserAgent};
use crate::client_address::exact_address;

/// What the `User-Agent` of a browser contains, and the name of the browser: the first one counts,
/// because browsers also name those that they want to be taken for.
const BROWSERS: [(&str, &str); 13] = [
    ("Edg/", "Edge"),
    ("EdgA/", "Edge"),
    ("EdgiOS/", "Edge"),
    ("OPR/", "Opera"),
    ("Vivaldi/", "Vivaldi"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("Firefox/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("HeadlessChrome/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Chromium/", "Chromium"),
    ("Safari/", "Safari"),
];
/// Likewise for operating systems.
const SYSTEMS: [(&str, &str); 8] = [
    ("Windows", "Windows"),
    ("Android", "Android"),
    ("iPhone", "iOS"),
    ("iPad", "iPadOS"),
    ("CrOS", "ChromeOS"),
    ("Macintosh", "macOS"),
    ("Mac OS X", "macOS"),
    ("Linux", "Linux"),
];
/// What the `User-Agent` of every browser begins with.
const BROWSER: &str = "Mozilla/";

/// The client of a request.
pub fn client_info(request: &HttpRequest) -> ClientInfo {
    let header = request.headers().get(header::USER_AGENT);
    let user_agent = header.and_then(|value| UserAgent::parse(value.as_bytes()));
    ClientInfo { address: exact_address(request), user_agent }
}

/// The program and the operating system, such as `Firefox on Linux`, or the program alone. `None`
/// if neither is known.
pub fn describe(user_agent: &UserAgent) -> Option<String> {
    let text = user_agent.as_str();
    let known = |names: &[(&str, &'static str)]| {
        names.iter().find(|(mark, _)| text.contains(mark)).map(|(_, name)| *name)
    };
    let system = known(&SYSTEMS);
    let program = if text.starts_with(BROWSER) {
        known(&BROWSERS).or_else(|| system.map(|_| "Browser"))
    } else {
        text.split(['/', ' ', '(', ';']).next().filter(|name| !name.is_empty())
    };
    match (program, system) {
        (Some(program), Some(system)) => Some(format!("{program} on {system}")),
        (program, _) => program.map(str::to_owned),
    }
}

#[cfg(test)]
mod tests {
    use super::describe;
    use crate::auth::UserAgent;

    #[test]
    fn a_client_is_described_by_its_program_and_its_system() {
        let webkit = "AppleWebKit/537.36 (KHTML, like Gecko)";
        for (user_agent, expected) in [
            (
                "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0".to_owned(),
                "Firefox on Linux",
            ),
            (
                format!(
                    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) {webkit} Chrome/140.0.0.0 \
                     Safari/537.36 Edg/140.0.0.0"
                ),
                "Edge on Windows",
            ),
            (
                format!("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {webkit} Chrome/140.0 Safari/5"),
                "Chrome on ChromeOS",
            ),
            (
                format!("Mozilla/5.0 (Linux; Android 10; K) {webkit} Chrome/140.0 Mobile Safari/5"),
                "Chrome on Android",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 18_5 like Mac OS X) AppleWebKit/605.1.15 \
                 (KHTML, like Gecko) Version/18.5 Mobile/15E148 Safari/604.1"
                    .to_owned(),
                "Safari on iOS",
            ),
            (
                "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, \
                 like Gecko) Version/18.5 Safari/605.1.15"
                    .to_owned(),
                "Safari on macOS",
            ),
            ("Mozilla/5.0 (X11; Linux x86_64)".to_owned(), "Browser on Linux"),
            ("curl/8.5.0".to_owned(), "curl"),
            ("python-requests/2.32.0".to_owned(), "python-requests"),
            ("node".to_owned(), "node"),
            ("grid-bot/2 (Linux; x86_64)".to_owned(), "grid-bot on Linux"),
        ] {
            let parsed = UserAgent::parse(user_agent.as_bytes()).unwrap();
            assert_eq!(describe(&parsed).as_deref(), Some(expected), "{user_agent}");
        }
        for unknown in ["Mozilla/5.0", "/1.0", "(unknown)"] {
            assert_eq!(describe(&UserAgent::parse(unknown.as_bytes()).unwrap()), None, "{unknown}");
        }
    }
}
