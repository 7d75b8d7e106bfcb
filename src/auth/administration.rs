//! What administrators do with users. This process rejects at once what they revoke.

use super::authenticator::Authenticator;
use super::email::normalized;
use super::error::AuthError;
use crate::market::{AssetId, UserId, UserStatus};
use crate::store::StoreError;
use crate::store::admin_log::Actor;
use crate::store::user_status::{self, Changed, Reason, Refusal};
use crate::store::users::{self, User};

impl Authenticator {
    /// Creates a user who cannot log in yet, with an empty account for each of `assets`.
    ///
    /// # Errors
    /// [`AuthError::EmailTaken`] if a user with this email address exists.
    pub async fn create_user(
        &self,
        name: String,
        email: &str,
        assets: Vec<AssetId>,
        actor: Actor,
    ) -> Result<User, AuthError> {
        let email = normalized(email);
        let create =
            move |c: &mut _| users::create_without_password(c, &name, &email, &assets, &actor);
        self.store.transact(create).await.map_err(|error| match error {
            StoreError::Duplicate(_) => AuthError::EmailTaken,
            error => AuthError::Store(error),
        })
    }

    /// Makes a user active, frozen or closed, and returns the user as it is then.
    pub async fn set_status(
        &self,
        user: UserId,
        status: UserStatus,
        reason: Reason,
    ) -> Result<Result<User, Refusal>, AuthError> {
        let channels = self.channels.clone();
        let set = move |c: &mut _| user_status::set(c, user, status, &reason, &channels);
        Ok(self.store.transact(set).await?.map(|Changed { user, revoked, restored }| {
            self.revoke(revoked);
            self.tokens.restore(restored);
            user
        }))
    }
}
