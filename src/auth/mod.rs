//! Authentication: passwords, bearer tokens and browser sessions.
//!
//! Independent of HTTP. [`Authenticator`] combines the parts into the operations of the API: log
//! in, register, log out, change the password. Everything that this process revokes is rejected by
//! it immediately; other processes may accept it until their caches expire.

mod admin_tokens;
mod administration;
mod api_tokens;
mod authenticator;
mod email;
mod error;
mod log_ins;
mod passwords;
mod secret;
mod sessions;
mod tokens;
mod ttl_cache;
mod uses;

pub use crate::store::abilities::{Abilities, Ability};
pub use crate::store::api_tokens::ApiToken;
pub use crate::store::log_ins::{ActiveLogIn, Credential};
pub use crate::store::sign_ins::SignIn;
pub use crate::store::{ClientInfo, UserAgent};
pub use admin_tokens::{AdminSecret, AdminTokens};
pub use authenticator::{Authenticator, Registration, VerifiedPassword};
pub use email::is_email;
pub use error::AuthError;
pub use passwords::hash as hash_password;
pub use secret::{random_hex, sha256_hex};
pub use sessions::{Sessions, StoredSession};
pub use tokens::{IssuedToken, SignedIn, TokenRequest, is_token};
pub use uses::Uses;
