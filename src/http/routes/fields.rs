//! Fields that several calls have.

use crate::http::extract::Validator;
use crate::http::response::ApiError;
use crate::http::state::AppState;
use crate::market::{AssetId, UserId};
use crate::store::users;

const MAX_SYMBOL_CHARS: usize = 16;
/// The most characters of notes and reasons.
pub const MAX_NOTE_CHARS: usize = 1000;
/// The most characters of what payment services call payments.
pub const MAX_REFERENCE_CHARS: usize = 255;

/// `user_id`, of a user who exists.
pub async fn existing_user(
    state: &AppState,
    validator: &mut Validator<'_>,
) -> Result<Option<UserId>, ApiError> {
    let user = validator.id("user_id").map(UserId);
    if let Some(user) = user
        && state.store.read(move |c| users::by_id(c, user)).await?.is_none()
    {
        validator.fail("user_id", "The selected user id is invalid.");
    }
    Ok(user)
}

/// `asset`, as a symbol.
pub fn existing_asset(state: &AppState, validator: &mut Validator<'_>) -> Option<AssetId> {
    let symbol = validator.text("asset", MAX_SYMBOL_CHARS)?;
    asset_of(state, validator, &symbol)
}

/// `asset`, as a symbol. `None`: the request does not have it, or it is invalid.
pub fn optional_existing_asset(state: &AppState, validator: &mut Validator<'_>) -> Option<AssetId> {
    let symbol = validator.optional_text("asset", MAX_SYMBOL_CHARS)?;
    asset_of(state, validator, &symbol)
}

fn asset_of(state: &AppState, validator: &mut Validator<'_>, symbol: &str) -> Option<AssetId> {
    let asset = state.catalog.current().asset(symbol);
    if asset.is_none() {
        validator.fail("asset", "The selected asset is invalid.");
    }
    asset
}
