//! Users on presence channels, and users that have signed in.

use serde_json::{Map, Value};

use crate::pusher::MAX_USER_ID_BYTES;

/// A user of the application, as its backend describes it.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    pub user_id: String,
    /// `Null` if the backend sent none.
    pub user_info: Value,
}

impl Member {
    /// Parses the `channel_data` of a presence subscription (id in `user_id`) or the `user_data` of
    /// a sign-in (id in `id`). Numbers are accepted as ids, because some backends send them.
    pub fn parse(text: &str, id_field: &str) -> Option<Self> {
        let mut fields: Map<String, Value> = serde_json::from_str(text).ok()?;
        let user_id = match fields.remove(id_field)? {
            Value::String(user_id) => user_id,
            Value::Number(user_id) => user_id.to_string(),
            _ => return None,
        };
        let user_info = fields.remove("user_info").unwrap_or_default();
        let is_valid = !user_id.is_empty() && user_id.len() <= MAX_USER_ID_BYTES;
        is_valid.then_some(Self { user_id, user_info })
    }
}
