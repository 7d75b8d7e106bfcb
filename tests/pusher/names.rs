//! Which socket ids and channel names are valid.

use matchcast::pusher::{ChannelKind, ChannelName, InvalidChannelName, SocketId};

use crate::vectors;

#[test]
fn a_socket_id_consists_of_two_numbers() {
    for text in ["1.1", "1234.1234", "45055.28877557", &format!("{}.1", "9".repeat(62))] {
        assert_eq!(SocketId::parse(text).unwrap().as_str(), text);
    }
}

#[test]
fn an_invalid_socket_id_is_rejected() {
    for text in vectors::texts("socket_ids_to_refuse") {
        assert!(SocketId::parse(&text).is_err(), "{text:?}");
    }
    for text in [".", "1.", ".1", "1.1.1", "-1.1", "+1.1", "1,1", " 1.1", "0x1.1", "1.1\0"] {
        assert!(SocketId::parse(text).is_err(), "{text:?}");
    }
    assert!(SocketId::parse(&format!("{}.1", "9".repeat(63))).is_err());
}

#[test]
fn a_channel_name_determines_its_kind() {
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
fn a_channel_name_with_other_characters_or_length_is_rejected() {
    let mut rejected = 0;
    for text in vectors::texts("channel_names_to_refuse") {
        let is_plain = |c: char| c.is_ascii_alphanumeric() || "_-=@,.;".contains(c);
        if !text.chars().all(is_plain) || text.is_empty() {
            assert!(ChannelName::parse(&text).is_err(), "{text:?}");
            rejected += 1;
        }
    }
    assert!(rejected >= 7, "the fixture contains malformed names");
    for text in ["#server-to-user-1", "a b", "a:b", "a\nb", "ä", "a/b", "a\0"] {
        assert_eq!(ChannelName::parse(text), Err(InvalidChannelName::Character), "{text:?}");
    }
    for text in ["", &"a".repeat(201)] {
        assert_eq!(ChannelName::parse(text), Err(InvalidChannelName::Length), "{text:?}");
    }
}
