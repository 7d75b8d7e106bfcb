//! `matchcast deposit`: credits the account of a user, once per reference, while servers run.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use clap::Args;
use serde::Serialize;

use super::database::{self, Database};
use super::write_json;
use crate::app;
use crate::config::Config;
use crate::engine::{EngineError, Executed, Origin};
use crate::events::decimal::DecimalString;
use crate::events::timestamp::iso8601;
use crate::market::{AccountKey, Command, DepositReference, Fixed, Rejection};

#[derive(Args)]
pub struct Arguments {
    /// The user's e-mail address or id
    #[arg(value_name = "EMAIL|ID")]
    user: String,
    /// The asset, such as USD
    asset: String,
    /// The amount, such as 12.5
    amount: String,
    /// A name that no other deposit ever has: repeated, the deposit is credited once
    #[arg(long)]
    reference: String,
    #[arg(long)]
    note: Option<String>,
    /// Write one JSON object
    #[arg(long)]
    json: bool,
}

#[derive(Serialize)]
struct DepositBody<'a> {
    id: i64,
    user_id: i64,
    asset: &'a str,
    amount: DecimalString,
    reference: &'a str,
    note: Option<&'a str>,
    created_at: String,
    /// No earlier command or request has made this deposit.
    is_new: bool,
}

pub fn deposit(
    config: &Config,
    arguments: &Arguments,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let Arguments { user: name, asset: symbol, amount, reference, note, json } = arguments;
    let amount = Fixed::parse(amount).ok().filter(|amount| amount.is_positive());
    let amount = amount.context("the amount must be a positive number with at most 8 decimals")?;
    let reference = DepositReference::parse(reference.trim())
        .context("the reference must have 1 to 255 characters, and no control characters")?;
    let user = Database::open(config)?.read(|c| database::find_user(c, name))?;
    // The others collect commission.
    let Some(user) = user.filter(|user| user.id > 0) else {
        writeln!(out, "there is no user {name}")?;
        return Ok(ExitCode::FAILURE);
    };
    let engine = app::CommandEngine::start(config)?;
    let Some(asset) = engine.catalog().asset(symbol) else {
        writeln!(out, "there is no asset {symbol}")?;
        return Ok(ExitCode::FAILURE);
    };
    let account = AccountKey { user: user.user_id(), asset };
    let origin = Origin { note: note.clone(), ..Origin::default() };
    let command = Command::DepositOnce { account, amount, reference };
    let executed = engine.run(async |handle| handle.administer(command, origin).await)?;
    let (deposit, is_new) = match executed {
        Ok(Executed::DepositedOnce { deposit, is_new }) => (deposit, is_new),
        Ok(_) => anyhow::bail!("the deposit has the reply of another kind"),
        Err(EngineError::Rejected(Rejection::DepositReferenceTaken)) => {
            writeln!(out, "another deposit has this reference; nothing was changed")?;
            return Ok(ExitCode::FAILURE);
        }
        Err(EngineError::Rejected(Rejection::AccountClosed)) => {
            writeln!(out, "user {name} is closed; nothing was changed")?;
            return Ok(ExitCode::FAILURE);
        }
        Err(EngineError::Rejected(Rejection::OutOfRange)) => {
            writeln!(out, "the account cannot hold this amount; nothing was changed")?;
            return Ok(ExitCode::FAILURE);
        }
        Err(error) => return Err(error.into()),
    };
    let (id, amount) = (deposit.id.0, deposit.amount);
    if *json {
        let body = DepositBody {
            id,
            user_id: user.id,
            asset: symbol,
            amount: amount.into(),
            reference: deposit.reference.as_str(),
            note: deposit.note.as_deref(),
            created_at: iso8601(deposit.created_at),
            is_new,
        };
        write_json(out, &body)?;
    } else if is_new {
        writeln!(out, "deposit {id}: user {} has got {amount} {symbol}", user.id)?;
    } else {
        writeln!(out, "deposit {id} was made before; nothing was changed")?;
    }
    Ok(ExitCode::SUCCESS)
}
