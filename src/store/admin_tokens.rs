//! Tokens of administrators. They are no tokens of users: they have abilities of their own, and act
//! for nobody.

use std::net::IpAddr;

use chrono::{NaiveDateTime, TimeDelta};
use diesel::prelude::*;
use serde_json::{Value, json};

use super::address_range::AddressRange;
use super::admin_log::{self, Act, Actor, AdminAction};
use super::schema::admin_tokens;
use super::{AnyConnection, StoreError, now};
use crate::events::timestamp::iso8601;

/// How exactly the last use of a token is known.
const USE_INTERVAL: TimeDelta = TimeDelta::minutes(1);

/// One of the things that a token of an administrator may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminAbility {
    /// To read the data of all users, and the log of administrators.
    Read,
    /// To move money in and out.
    Funds,
    /// To create, freeze and close users.
    Users,
    /// To change what markets accept.
    Markets,
}

impl AdminAbility {
    pub const ALL: [Self; 4] = [Self::Read, Self::Funds, Self::Users, Self::Markets];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Read => "admin:read",
            Self::Funds => "admin:funds",
            Self::Users => "admin:users",
            Self::Markets => "admin:markets",
        }
    }

    /// Stored, so it never changes.
    const fn bit(self) -> i16 {
        match self {
            Self::Read => 1,
            Self::Funds => 2,
            Self::Users => 4,
            Self::Markets => 8,
        }
    }
}

/// The abilities of a token of an administrator.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AdminAbilities(i16);

impl AdminAbilities {
    const ALL: Self = Self(15);

    pub const fn contains(self, ability: AdminAbility) -> bool {
        self.0 & ability.bit() != 0
    }

    /// In the order of [`AdminAbility::ALL`].
    pub fn iter(self) -> impl Iterator<Item = AdminAbility> {
        AdminAbility::ALL.into_iter().filter(move |ability| self.contains(*ability))
    }

    fn from_code(code: i16) -> Result<Self, StoreError> {
        let is_known = code & !Self::ALL.0 == 0;
        is_known
            .then_some(Self(code))
            .ok_or_else(|| StoreError::Other(format!("unknown abilities {code} of administrators")))
    }
}

impl FromIterator<AdminAbility> for AdminAbilities {
    fn from_iter<I: IntoIterator<Item = AdminAbility>>(abilities: I) -> Self {
        Self(abilities.into_iter().fold(0, |all, ability| all | ability.bit()))
    }
}

/// A token to be created.
#[derive(Clone, Debug)]
pub struct NewAdminToken {
    pub name: String,
    pub abilities: AdminAbilities,
    /// Empty: it may be used from everywhere.
    pub addresses: Vec<AddressRange>,
    /// `None`: it is valid until it is revoked.
    pub expires_at: Option<NaiveDateTime>,
}

/// A token without its secret.
#[derive(Clone, Debug)]
pub struct AdminToken {
    pub id: i64,
    pub name: String,
    pub abilities: AdminAbilities,
    /// Empty: it may be used from everywhere.
    pub addresses: Vec<AddressRange>,
    pub created_at: NaiveDateTime,
    pub expires_at: Option<NaiveDateTime>,
    pub revoked_at: Option<NaiveDateTime>,
    /// At most a minute before the last use.
    pub last_used_at: Option<NaiveDateTime>,
}

impl AdminToken {
    /// Whether it may be used at this time from this address. `None`: the address is unknown.
    pub fn is_valid(&self, at: NaiveDateTime, address: Option<IpAddr>) -> bool {
        let is_within =
            |address| self.addresses.iter().any(|range: &AddressRange| range.contains(address));
        self.revoked_at.is_none()
            && self.expires_at.is_none_or(|end| end > at)
            && (self.addresses.is_empty() || address.is_some_and(is_within))
    }
}

impl AdminToken {
    /// What the log of administrators says about it.
    fn state(&self) -> Value {
        let ranges: Vec<String> = self.addresses.iter().map(ToString::to_string).collect();
        let abilities: Vec<&str> = self.abilities.iter().map(AdminAbility::name).collect();
        json!({
            "id": self.id,
            "name": self.name,
            "abilities": abilities,
            "addresses": ranges,
            "expires_at": self.expires_at.map(iso8601),
            "revoked_at": self.revoked_at.map(iso8601),
        })
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = admin_tokens)]
struct AdminTokenRow {
    id: i64,
    name: String,
    abilities: i16,
    addresses: String,
    created_at: NaiveDateTime,
    expires_at: Option<NaiveDateTime>,
    revoked_at: Option<NaiveDateTime>,
    last_used_at: Option<NaiveDateTime>,
}

impl TryFrom<AdminTokenRow> for AdminToken {
    type Error = StoreError;

    fn try_from(row: AdminTokenRow) -> Result<Self, StoreError> {
        let ranges = row.addresses.split(',').filter(|text| !text.is_empty());
        let addresses = ranges.map(str::parse).collect::<Result<_, _>>();
        Ok(Self {
            id: row.id,
            name: row.name,
            abilities: AdminAbilities::from_code(row.abilities)?,
            addresses: addresses
                .map_err(|_| StoreError::Other(format!("unknown addresses {}", row.addresses)))?,
            created_at: row.created_at,
            expires_at: row.expires_at,
            revoked_at: row.revoked_at,
            last_used_at: row.last_used_at,
        })
    }
}

/// Stores a token with the hash of its secret on behalf of a command. Runs in a write transaction.
pub fn create(
    connection: &mut AnyConnection,
    token: &NewAdminToken,
    secret_hash: &str,
) -> Result<AdminToken, StoreError> {
    let ranges: Vec<String> = token.addresses.iter().map(ToString::to_string).collect();
    let values = (
        admin_tokens::name.eq(&token.name),
        admin_tokens::secret_hash.eq(secret_hash),
        admin_tokens::abilities.eq(token.abilities.0),
        admin_tokens::addresses.eq(ranges.join(",")),
        admin_tokens::created_at.eq(now()),
        admin_tokens::expires_at.eq(token.expires_at),
    );
    diesel::insert_into(admin_tokens::table).values(values).execute(connection)?;
    let created = admin_tokens::table.filter(admin_tokens::secret_hash.eq(secret_hash));
    let created = created.order(admin_tokens::id.desc()).select(AdminTokenRow::as_select());
    let created: AdminToken = created.first(connection)?.try_into()?;
    let after = Some(created.state());
    let act = Act { actor: Actor::COMMAND, action: AdminAction::TokenCreated, before: None, after };
    admin_log::append(connection, vec![act], created.created_at)?;
    Ok(created)
}

/// A token with the hash of its secret.
pub fn find(
    connection: &mut AnyConnection,
    id: i64,
) -> Result<Option<(AdminToken, String)>, StoreError> {
    let columns = (AdminTokenRow::as_select(), admin_tokens::secret_hash);
    let found: Option<(AdminTokenRow, String)> =
        admin_tokens::table.find(id).select(columns).first(connection).optional()?;
    found.map(|(row, secret_hash)| Ok((row.try_into()?, secret_hash))).transpose()
}

/// All tokens, also those that are not valid any more, by id.
pub fn list(connection: &mut AnyConnection) -> Result<Vec<AdminToken>, StoreError> {
    let all = admin_tokens::table.order(admin_tokens::id).select(AdminTokenRow::as_select());
    all.load(connection)?.into_iter().map(AdminToken::try_from).collect()
}

/// Revokes a token on behalf of a command, unless it is revoked already. `None`: there is none with
/// this id. Runs in a write transaction.
pub fn revoke(connection: &mut AnyConnection, id: i64) -> Result<Option<AdminToken>, StoreError> {
    let now = now();
    let valid = admin_tokens::table.find(id).filter(admin_tokens::revoked_at.is_null());
    let revoked =
        diesel::update(valid).set(admin_tokens::revoked_at.eq(now)).execute(connection)?;
    let Some((token, _)) = find(connection, id)? else { return Ok(None) };
    if revoked > 0 {
        let before = AdminToken { revoked_at: None, ..token.clone() };
        let act = Act {
            actor: Actor::COMMAND,
            action: AdminAction::TokenRevoked,
            before: Some(before.state()),
            after: Some(token.state()),
        };
        admin_log::append(connection, vec![act], now)?;
    }
    Ok(Some(token))
}

/// Notes that a token is used, unless that was noted less than a minute ago. Runs in a write
/// transaction.
pub fn note_use(connection: &mut AnyConnection, id: i64) -> Result<(), StoreError> {
    let now = now();
    let last = admin_tokens::last_used_at;
    let is_due = last.is_null().or(last.le(now - USE_INTERVAL));
    diesel::update(admin_tokens::table.filter(admin_tokens::id.eq(id)).filter(is_due))
        .set(last.eq(now))
        .execute(connection)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{AdminAbilities, AdminAbility};

    #[test]
    fn abilities_are_stored_as_the_sum_of_their_codes() {
        assert_eq!(AdminAbility::ALL.into_iter().collect::<AdminAbilities>(), AdminAbilities::ALL);
        for code in 0..16 {
            let abilities = AdminAbilities::from_code(code).expect("known abilities");
            assert_eq!(abilities.iter().collect::<AdminAbilities>(), abilities);
            assert_eq!(abilities.0, code);
        }
        assert!(AdminAbilities::from_code(16).is_err());
    }
}
