//! `matchcast token`: the tokens of administrators. They exist by this command only.

use std::io::Write;
use std::process::ExitCode;

use chrono::NaiveDateTime;
use clap::{Subcommand, ValueEnum};
use serde::Serialize;

use super::database::Database;
use super::table::{Column, table};
use super::write_json;
use crate::auth::AdminSecret;
use crate::config::Config;
use crate::events::timestamp::iso8601;
use crate::store::address_range::AddressRange;
use crate::store::admin_tokens::{self, AdminAbility, AdminToken, NewAdminToken};
use crate::store::now;

const MAX_NAME_CHARS: usize = 255;

#[derive(Subcommand)]
pub enum Action {
    /// Create a token of an administrator, and show it once
    Create {
        /// What it may be used for; may be repeated, or several separated by commas
        #[arg(long = "admin", value_name = "ABILITY", value_enum, required = true)]
        #[arg(num_args = 1.., value_delimiter = ',')]
        abilities: Vec<Ability>,
        /// Who or what uses it
        #[arg(long)]
        name: String,
        /// When it ends, in UTC, such as 2026-01-31T12:00:00; without it, when it is revoked
        #[arg(long, value_name = "TIME")]
        expires: Option<NaiveDateTime>,
        /// Addresses that it may be used from, such as 192.0.2.0/24; without it, all
        #[arg(long = "from", value_name = "CIDR", num_args = 1.., value_delimiter = ',')]
        addresses: Vec<AddressRange>,
        /// Write one JSON object
        #[arg(long)]
        json: bool,
    },
    /// List the tokens, also those that are not valid any more
    List {
        /// Write one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Revoke a token; all processes reject it at once
    Revoke {
        id: i64,
        /// Write one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// An ability as it is written on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Ability {
    /// To read the data of all users, and the log of administrators
    #[value(name = "admin:read", alias = "read")]
    Read,
    /// To move money in and out
    #[value(name = "admin:funds", alias = "funds")]
    Funds,
    /// To create, freeze and close users
    #[value(name = "admin:users", alias = "users")]
    Users,
    /// To change what markets accept
    #[value(name = "admin:markets", alias = "markets")]
    Markets,
}

impl From<Ability> for AdminAbility {
    fn from(ability: Ability) -> Self {
        match ability {
            Ability::Read => Self::Read,
            Ability::Funds => Self::Funds,
            Ability::Users => Self::Users,
            Ability::Markets => Self::Markets,
        }
    }
}

/// A token in JSON.
#[derive(Serialize)]
struct TokenBody {
    id: i64,
    name: String,
    abilities: Vec<&'static str>,
    addresses: Vec<String>,
    created_at: String,
    expires_at: Option<String>,
    revoked_at: Option<String>,
    last_used_at: Option<String>,
    /// Of a token that was just created.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
}

impl From<AdminToken> for TokenBody {
    fn from(token: AdminToken) -> Self {
        Self {
            id: token.id,
            name: token.name,
            abilities: token.abilities.iter().map(AdminAbility::name).collect(),
            addresses: token.addresses.iter().map(ToString::to_string).collect(),
            created_at: iso8601(token.created_at),
            expires_at: token.expires_at.map(iso8601),
            revoked_at: token.revoked_at.map(iso8601),
            last_used_at: token.last_used_at.map(iso8601),
            token: None,
        }
    }
}

pub fn run(config: &Config, action: Action, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let mut database = Database::open(config)?;
    match action {
        Action::Create { abilities, name, expires, addresses, json } => {
            let name = name.trim().to_owned();
            if name.is_empty() || name.chars().count() > MAX_NAME_CHARS {
                anyhow::bail!("the name must have 1 to {MAX_NAME_CHARS} characters");
            }
            if expires.is_some_and(|end| end <= now()) {
                anyhow::bail!("the token would have expired already");
            }
            let abilities = abilities.into_iter().map(AdminAbility::from).collect();
            let new = NewAdminToken { name, abilities, addresses, expires_at: expires };
            create(&mut database, &new, json, out)
        }
        Action::List { json } => list(&mut database, json, out),
        Action::Revoke { id, json } => revoke(&mut database, id, json, out),
    }
}

fn create(
    database: &mut Database,
    new: &NewAdminToken,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let secret = AdminSecret::generate();
    let hash = secret.hash();
    let created = database.write(|c| admin_tokens::create(c, new, &hash))?;
    let text = secret.issued(created.id);
    if json {
        let body = TokenBody { token: Some(text), ..created.into() };
        write_json(out, &body)?;
    } else {
        writeln!(out, "token {} was created; it is shown only now:\n{text}", created.id)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn list(database: &mut Database, json: bool, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let tokens = database.read(admin_tokens::list)?;
    if json {
        let bodies: Vec<TokenBody> = tokens.into_iter().map(TokenBody::from).collect();
        write_json(out, &bodies)?;
        return Ok(ExitCode::SUCCESS);
    }
    let columns = [
        Column::Right("ID"),
        Column::Left("NAME"),
        Column::Left("ABILITIES"),
        Column::Left("FROM"),
        Column::Left("STATUS"),
    ];
    let rows: Vec<Vec<String>> = tokens
        .into_iter()
        .map(|token| {
            let status = status(&token);
            let body = TokenBody::from(token);
            let (abilities, addresses) = (body.abilities.join(", "), body.addresses.join(", "));
            vec![body.id.to_string(), body.name, abilities, addresses, status]
        })
        .collect();
    out.write_all(table(&columns, &rows).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn status(token: &AdminToken) -> String {
    let text = |at: NaiveDateTime| at.format("%F %T").to_string();
    match (token.revoked_at, token.expires_at) {
        (Some(at), _) => format!("revoked at {}", text(at)),
        (None, Some(end)) if end <= now() => format!("expired at {}", text(end)),
        (None, Some(end)) => format!("valid until {}", text(end)),
        (None, None) => "valid".to_owned(),
    }
}

fn revoke(
    database: &mut Database,
    id: i64,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let Some(token) = database.write(|c| admin_tokens::revoke(c, id))? else {
        writeln!(out, "there is no token {id} of an administrator")?;
        return Ok(ExitCode::FAILURE);
    };
    if json {
        write_json(out, &TokenBody::from(token))?;
    } else {
        writeln!(out, "token {id} is revoked")?;
    }
    Ok(ExitCode::SUCCESS)
}
