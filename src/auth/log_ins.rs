//! Where a user is signed in. This process rejects at once what the user ends.

use super::authenticator::Authenticator;
use super::error::AuthError;
use crate::market::UserId;
use crate::store::AnyConnection;
use crate::store::StoreError;
use crate::store::log_ins::{self, ActiveLogIn, Ending};
use crate::store::sign_ins::SignIn;
use crate::store::views::{Page, PageRequest};

impl Authenticator {
    /// The log-ins of a user that have not ended, newest first.
    pub async fn log_ins(
        &self,
        user: UserId,
        page: PageRequest,
    ) -> Result<Page<ActiveLogIn>, AuthError> {
        Ok(self.store.read(move |c| log_ins::of_user(c, user, &page)).await?)
    }

    /// Ends one log-in of the user, on behalf of a sign-in. False: there is none with this id.
    ///
    /// # Errors
    /// [`AuthError::Unauthenticated`] if the sign-in was revoked meanwhile.
    pub async fn end_log_in(
        &self,
        user: UserId,
        caller: SignIn,
        id: i64,
    ) -> Result<bool, AuthError> {
        let channels = self.channels.clone();
        let ended = self.end(move |c| log_ins::end(c, user, &caller, id, &channels)).await?;
        Ok(ended > 0)
    }

    /// Ends all log-ins of the user except that of the caller; returns how many there were.
    ///
    /// # Errors
    /// [`AuthError::Unauthenticated`] if the caller was revoked meanwhile.
    pub async fn end_other_log_ins(
        &self,
        user: UserId,
        caller: SignIn,
    ) -> Result<usize, AuthError> {
        let channels = self.channels.clone();
        self.end(move |c| log_ins::end_others(c, user, &caller, &channels)).await
    }

    async fn end(
        &self,
        work: impl FnMut(&mut AnyConnection) -> Result<Ending, StoreError> + Send + 'static,
    ) -> Result<usize, AuthError> {
        match self.store.transact(work).await? {
            Ending::Ended(ended) => {
                self.revoke(ended.revoked);
                Ok(ended.log_ins)
            }
            Ending::SignedOut => Err(AuthError::Unauthenticated),
        }
    }
}
