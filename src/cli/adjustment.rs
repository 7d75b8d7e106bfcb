//! `matchcast adjustment`: corrects the balances of users, while servers run.

use std::io::Write;
use std::process::ExitCode;

use anyhow::Context;
use clap::{Args, Subcommand, value_parser};

use super::database::{self, Database};
use super::table::{Column, table};
use super::write_json;
use crate::app;
use crate::config::Config;
use crate::engine::{EngineError, Executed, Origin};
use crate::events::funds::adjustment_status_name;
use crate::events::timestamp::iso8601;
use crate::http::AdjustmentBody;
use crate::market::{AccountKey, AdjustmentId, Command, Fixed, Rejection};
use crate::store::adjustments::{self, Decision, NewAdjustment, RecordedAdjustment};
use crate::store::admin_log::Actor;
use crate::store::markets::{self, Catalog};
use crate::store::views::{self, AdjustmentFilter, PageRequest};

#[derive(Subcommand)]
pub enum Action {
    /// List adjustments, newest first
    List {
        /// At most N adjustments
        #[arg(long, value_name = "N", default_value_t = 100,
            value_parser = value_parser!(i64).range(1..=100_000))]
        limit: i64,
        /// Write one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Change a balance, or propose it if admin.four_eyes is set
    Create(NewArguments),
    /// Make an adjustment that was proposed with a token
    Approve {
        id: i64,
        /// Write one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Reject or withdraw an adjustment that was proposed
    Reject {
        id: i64,
        /// Write one JSON object
        #[arg(long)]
        json: bool,
    },
}

#[derive(Args)]
pub struct NewArguments {
    /// The user's e-mail address or id
    #[arg(value_name = "EMAIL|ID")]
    user: String,
    /// The asset, such as USD
    asset: String,
    /// What is added to the available balance, such as 12.5 or -12.5
    #[arg(allow_negative_numbers = true)]
    amount: String,
    /// Why
    #[arg(long)]
    reason: String,
    /// Write one JSON object
    #[arg(long)]
    json: bool,
}

pub fn run(config: &Config, action: Action, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    match action {
        Action::List { limit, json } => list(config, limit, json, out),
        Action::Create(arguments) => create(config, &arguments, out),
        Action::Approve { id, json } => approve(config, AdjustmentId(id), json, out),
        Action::Reject { id, json } => reject(config, AdjustmentId(id), json, out),
    }
}

fn list(config: &Config, limit: i64, json: bool, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let (page, filter) =
        (PageRequest::newest(limit), AdjustmentFilter { user: None, status: None });
    let (page, catalog) = Database::open(config)?.read(|c| {
        let catalog = markets::read(c, &config.market.listings)?;
        Ok((views::adjustments(c, filter, &page)?, catalog))
    })?;
    if json {
        let body = |row: &RecordedAdjustment| AdjustmentBody::new(row, &catalog);
        let rows: Vec<_> = page.rows.iter().map(body).collect();
        write_json(out, &rows)?;
        return Ok(ExitCode::SUCCESS);
    }
    let columns = [
        Column::Right("ID"),
        Column::Right("USER"),
        Column::Right("AMOUNT"),
        Column::Left("ASSET"),
        Column::Left("STATUS"),
        Column::Left("CREATED"),
        Column::Left("REASON"),
    ];
    let row = |recorded: &RecordedAdjustment| {
        let adjustment = recorded.adjustment;
        vec![
            adjustment.id.to_string(),
            adjustment.account.user.to_string(),
            adjustment.amount.to_string(),
            catalog.asset_symbol(adjustment.account.asset).to_owned(),
            adjustment_status_name(adjustment.status).to_owned(),
            iso8601(recorded.created_at),
            recorded.reason.clone(),
        ]
    };
    let rows: Vec<_> = page.rows.iter().map(row).collect();
    write!(out, "{}", table(&columns, &rows))?;
    Ok(ExitCode::SUCCESS)
}

fn create(
    config: &Config,
    arguments: &NewArguments,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let NewArguments { user: name, asset: symbol, amount, reason, json } = arguments;
    let amount = Fixed::parse(amount).ok().filter(|amount| !amount.is_zero());
    let amount = amount.context("the amount must be a number with at most 8 decimals, not 0")?;
    let reason = reason.trim().to_owned();
    anyhow::ensure!(!reason.is_empty(), "the reason must not be blank");
    let mut database = Database::open(config)?;
    let user = database.read(|c| database::find_user(c, name))?;
    let Some(user) = user.filter(|user| user.user_id().is_person()) else {
        writeln!(out, "there is no user {name}")?;
        return Ok(ExitCode::FAILURE);
    };
    let catalog = database.read(|c| markets::read(c, &config.market.listings))?;
    let Some(asset) = catalog.asset(symbol) else {
        writeln!(out, "there is no asset {symbol}")?;
        return Ok(ExitCode::FAILURE);
    };
    let account = AccountKey { user: user.user_id(), asset };
    if config.admin.four_eyes {
        let new = NewAdjustment { account, amount, reason };
        let proposed =
            database.write(|c| adjustments::propose(c, &Actor::COMMAND, &new, symbol))?;
        return show(&proposed, &catalog, *json, out);
    }
    let origin = Origin { note: Some(reason), ..Origin::default() };
    apply(config, Command::Adjust { account, amount }, origin, *json, out)
}

fn approve(
    config: &Config,
    id: AdjustmentId,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let Some(found) = Database::open(config)?.read(|c| adjustments::by_id(c, id))? else {
        return unknown(id, out);
    };
    let account = found.adjustment.account;
    let command = Command::ApproveAdjustment { account, adjustment: id, approver: None };
    apply(config, command, Origin::default(), json, out)
}

fn apply(
    config: &Config,
    command: Command,
    origin: Origin,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let engine = app::CommandEngine::start(config)?;
    let catalog = engine.catalog();
    let rejection = match engine.run(async |handle| handle.administer(command, origin).await)? {
        Ok(Executed::Adjusted { adjustment, .. }) => {
            return show(&adjustment, &catalog, json, out);
        }
        Ok(_) => anyhow::bail!("the adjustment has the reply of another kind"),
        Err(EngineError::Rejected(rejection)) => rejection,
        Err(error) => return Err(error.into()),
    };
    let problem = match rejection {
        Rejection::BalanceTooLow { .. } => "the available balance does not cover the adjustment",
        Rejection::OutOfRange => "the account cannot hold this amount",
        Rejection::SameAdministrator => {
            "an adjustment that a command has proposed must be approved with a token"
        }
        Rejection::AdjustmentRejected => "the adjustment was rejected",
        rejection => anyhow::bail!("the adjustment was refused: {rejection:?}"),
    };
    writeln!(out, "{problem}; nothing was changed")?;
    Ok(ExitCode::FAILURE)
}

fn reject(
    config: &Config,
    id: AdjustmentId,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let mut database = Database::open(config)?;
    let catalog = database.read(|c| markets::read(c, &config.market.listings))?;
    match database.write(|c| adjustments::reject(c, &Actor::COMMAND, id))? {
        Decision::Unknown => unknown(id, out),
        Decision::Applied => {
            writeln!(out, "adjustment {id} was approved; nothing was changed")?;
            Ok(ExitCode::FAILURE)
        }
        Decision::Rejected { adjustment, .. } => show(&adjustment, &catalog, json, out),
    }
}

fn unknown(id: AdjustmentId, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    writeln!(out, "there is no adjustment {id}")?;
    Ok(ExitCode::FAILURE)
}

fn show(
    recorded: &RecordedAdjustment,
    catalog: &Catalog,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    if json {
        let body = AdjustmentBody::new(recorded, catalog);
        write_json(out, &body)?;
    } else {
        let (id, status) = (recorded.adjustment.id, recorded.adjustment.status);
        writeln!(out, "adjustment {id} is {}", adjustment_status_name(status))?;
    }
    Ok(ExitCode::SUCCESS)
}
