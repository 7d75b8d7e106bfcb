//! Socket ids and channel names: what is taken and what is refused.

use matchcast::pusher::{ChannelKind, ChannelName, InvalidChannelName, SocketId};

use crate::vectors;

#[test]
fn a_socket_id_is_two_numbers() {
    for text in ["1.1", "1234.1234", "45055.28877557", &format!("{}.1", "9".repeat(62))] {
        assert_eq!(SocketId::parse(text).unwrap().as_str(), text);
    }
}

#[test]
fn what_is_not_a_socket_id_is_refused() {
    for text in vectors::texts("socket_ids_to_refuse") {
        assert!(SocketId::parse(&text).is_err(), "{text:?}");
    }
    for text in [".", "1.", ".1", "1.1.1", "-1.1", "+1.1", "1,1", " 1.1", "0x1.1", "1.1\0"] {
        assert!(SocketId::parse(text).is_err(), "{text:?}");
    }
    assert!(SocketId::parse(&format!("{}.1", "9".repeat(63))).is_err());
}

#[test]
fn a_channel_name_has_a_kind() {
    for (text, kind) in [
        ("orders", ChannelKind::Public),
        ("-azAZ9_=@,.;", ChannelKind::Public),
        ("PRIVATE-user.1", ChannelKind::Public),
        ("private", ChannelKind::Public),
        ("private-user.1", ChannelKind::Private),
        ("private-encrypted", ChannelKind::Private),
        ("private-encrypted-user.1", ChannelKind::Encrypted),
        ("presence-room", ChannelKind::Presence),
        (&"a".repeat(200), ChannelKind::Public),
    ] {
        let name = ChannelName::parse(text).unwrap();
        assert_eq!((name.as_str(), name.kind()), (text, kind));
    }
}

#[test]
fn a_name_of_other_characters_or_length_is_refused() {
    let mut refused = 0;
    for text in vectors::texts("channel_names_to_refuse") {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-=@,.;".contains(c);
        if !text.chars().all(is_plain) || text.is_empty() {
            assert!(ChannelName::parse(&text).is_err(), "{text:?}");
            refused += 1;
        }
    }
    assert!(refused >= 7, "the fixture has lost its malformed names");
    for text in ["#server-to-user-1", "a b", "a:b", "a\nb", "ä", "a/b", "a\0"] {
        assert_eq!(ChannelName::parse(text), Err(InvalidChannelName::Character), "{text:?}");
    }
    for text in ["", &"a".repeat(201)] {
        assert_eq!(ChannelName::parse(text), Err(InvalidChannelName::Length), "{text:?}");
    }
}
