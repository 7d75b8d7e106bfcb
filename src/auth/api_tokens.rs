//! The tokens that users create for their programs.

use super::authenticator::Authenticator;
use super::error::AuthError;
use super::tokens::{SignedIn, TokenRequest};
use crate::market::UserId;
use crate::store::api_tokens::{self, ApiToken};

impl Authenticator {
    /// Creates a token with some abilities, which is in the result as the client sends it.
    pub async fn create_token(
        &self,
        creator: SignedIn,
        request: TokenRequest,
    ) -> Result<(ApiToken, String), AuthError> {
        self.tokens.create(creator, request).await
    }

    /// The valid tokens that the user has created, the newest first.
    pub async fn tokens(&self, user: UserId) -> Result<Vec<ApiToken>, AuthError> {
        Ok(self.store.read(move |c| api_tokens::of_user(c, user)).await?)
    }

    /// Revokes a token that the user has created. False: there is none with this id.
    pub async fn revoke_token(&self, user: UserId, id: i64) -> Result<bool, AuthError> {
        let channels = self.channels.clone();
        let revoke = move |c: &mut _| api_tokens::revoke(c, user, id, &channels);
        let revoked = self.store.transact(revoke).await?;
        let is_revoked = !revoked.tokens.is_empty();
        self.revoke(revoked);
        Ok(is_revoked)
    }
}
