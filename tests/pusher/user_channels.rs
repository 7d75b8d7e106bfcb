//! The channels of users: valid names, and no two users share one, whatever the pattern is.

use matchcast::events::{ChannelPattern, UserChannelKinds, UserChannels};
use matchcast::market::UserId;
use matchcast::pusher::{ChannelKind, ChannelName};
use proptest::prelude::*;

use crate::fuzz::config;

/// Patterns that look like those of other channels, or like each other with some id.
const ODD: [&str; 16] = [
    "private-user.{id}",
    "private-users.{id}",
    "private-App.Models.User.{id}",
    "private-{id}",
    "private-1{id}",
    "private-{id}1",
    "private-1{id}1",
    "private--{id}",
    "private-e{id}",
    "private-encrypted{id}",
    "private-encrypted.{id}",
    "private-private-{id}",
    "private-cache-user.{id}",
    "private-market.{id}",
    "private-{id}.{ID}.x",
    "private-_-=@,.;{id};.,@=-_",
];

#[test]
fn each_user_has_channels_that_are_no_others() {
    let ids = [1, 2, 9, 10, 11, 12, 19, 21, 101, 110, 111, 1011, 1111, 11111, i64::MAX];
    let mut count = 0;
    for pattern in ODD.iter().filter_map(|text| ChannelPattern::parse(text).ok()) {
        let channels = UserChannels { pattern, kinds: UserChannelKinds::Both };
        let mut all: Vec<String> = ids.iter().flat_map(|id| channels.of(UserId(*id))).collect();
        for name in &all {
            let kind = ChannelName::parse(name).expect(name).kind();
            let is_encrypted = name.starts_with("private-encrypted-");
            let expected = if is_encrypted { ChannelKind::Encrypted } else { ChannelKind::Private };
            assert_eq!(kind, expected, "{name}");
            assert!(name.len() <= 164, "{name}");
        }
        all.sort_unstable();
        all.dedup();
        assert_eq!(all.len(), ids.len() * 2, "{}", channels.pattern);
        count += 1;
    }
    assert_eq!(count, ODD.len() - 1, "braces elsewhere are refused");
}

proptest! {
    #![proptest_config(config(2_000))]

    #[test]
    fn no_two_users_share_a_channel(
        before in "(encrypted|encrypted-|e|user\\.|[0-9]*|[A-Za-z0-9_=@,.;-]{0,12})",
        after in "([0-9]{0,3}|[A-Za-z0-9_=@,.;-]{0,6})",
        ids in proptest::collection::btree_set(1..=i64::MAX, 2..4),
    ) {
        let Ok(pattern) = ChannelPattern::parse(&format!("private-{before}{{id}}{after}")) else {
            prop_assert!(before.starts_with("encrypted-"));
            return Ok(());
        };
        let channels = UserChannels { pattern, kinds: UserChannelKinds::Both };
        let mut names: Vec<String> =
            ids.iter().flat_map(|id| channels.of(UserId(*id))).collect();
        for name in &names {
            prop_assert!(ChannelName::parse(name).is_ok(), "{name}");
        }
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        prop_assert_eq!(names.len(), count);
    }
}
