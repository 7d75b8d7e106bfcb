//! `matchcast check`: whether the provider accepts this app's signed requests, and if not, why; and
//! what a page has to listen to, to compare it with the code of the page.

use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;

use crate::app;
use crate::config::{Broadcasting, Config};
use crate::events::{EventKind, EventName, UserChannelKinds, UserChannels};

/// Laravel Echo adds it to names that do not begin with a dot.
const NAMESPACE: &str = r"App\Events\";

pub fn check(config: Config, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    actix_web::rt::System::new().block_on(check_provider(config, out))
}

async fn check_provider(config: Config, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    if matches!(config.broadcasting, Broadcasting::Log | Broadcasting::Null) {
        writeln!(out, "BROADCAST_CONNECTION names no provider: there is nothing to check")?;
        return Ok(ExitCode::SUCCESS);
    }
    let address = SocketAddr::new(config.http.host, config.http.port);
    let client = app::client(&config, address)?;
    let destination = client.destination();
    match client.diagnose().await {
        Ok(()) => {
            writeln!(out, "{destination} accepts this app's signed requests")?;
            if config.events.order_matched {
                let name = config.events.matched_shape.name.as_ref();
                let [echo, pusher] = listeners(&config.delivery.user_channels, name);
                writeln!(out, "a page listens to the trades of a user with one of\n  {echo}")?;
                writeln!(out, "  {pusher}")?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(diagnosis) => {
            writeln!(out, "{destination}: {diagnosis}")?;
            Ok(ExitCode::FAILURE)
        }
    }
}

/// How Laravel Echo and pusher-js listen to `order.matched` of the user `id`.
fn listeners(channels: &UserChannels, name: Option<&EventName>) -> [String; 2] {
    let name = name.map_or(EventKind::OrderMatched.name(), EventName::as_str);
    let (method, prefix) = match channels.kinds {
        UserChannelKinds::Private | UserChannelKinds::Both => ("private", "private-"),
        UserChannelKinds::Encrypted => ("encryptedPrivate", "private-encrypted-"),
    };
    let channel = channels.patterns().next().unwrap_or_default().replace("{id}", "${id}");
    let without_prefix = channel.strip_prefix(prefix).unwrap_or(&channel);
    // Echo replaces the dots of names in the namespace.
    let in_namespace = name.strip_prefix(NAMESPACE).filter(|rest| !rest.contains('.'));
    let echo_name = in_namespace.map_or_else(|| format!(".{name}"), str::to_owned);
    let literal = |text: &str| format!("'{}'", text.replace('\\', r"\\").replace('\'', r"\'"));
    [
        format!("Echo.{method}(`{without_prefix}`).listen({}, handler)", literal(&echo_name)),
        format!("pusher.subscribe(`{channel}`).bind({}, handler)", literal(name)),
    ]
}

#[cfg(test)]
mod tests {
    use super::listeners;
    use crate::events::{ChannelPattern, EventKind, EventName, UserChannelKinds, UserChannels};

    fn check(pattern: &str, kinds: UserChannelKinds, name: &str, echo: &str, pusher: &str) {
        let pattern = ChannelPattern::parse(pattern).unwrap();
        let name = EventName::parse(name, EventKind::OrderMatched).unwrap();
        let found = listeners(&UserChannels { pattern, kinds }, Some(&name));
        assert_eq!(found, [echo, pusher]);
    }

    #[test]
    fn pages_are_told_what_their_code_must_be() {
        let [echo, pusher] = listeners(&UserChannels::default(), None);
        assert_eq!(echo, "Echo.private(`user.${id}`).listen('.order.matched', handler)");
        assert_eq!(pusher, "pusher.subscribe(`private-user.${id}`).bind('order.matched', handler)");
        check(
            "private-App.Models.User.{id}",
            UserChannelKinds::Both,
            r"App\Events\OrderMatched",
            "Echo.private(`App.Models.User.${id}`).listen('OrderMatched', handler)",
            concat!(
                "pusher.subscribe(`private-App.Models.User.${id}`)",
                r".bind('App\\Events\\OrderMatched', handler)",
            ),
        );
        check(
            "private-users.{id}",
            UserChannelKinds::Encrypted,
            r"App\Events\order.matched",
            r"Echo.encryptedPrivate(`users.${id}`).listen('.App\\Events\\order.matched', handler)",
            concat!(
                "pusher.subscribe(`private-encrypted-users.${id}`)",
                r".bind('App\\Events\\order.matched', handler)",
            ),
        );
    }
}
