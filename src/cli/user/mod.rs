//! `matchcast user`: users, as administrators see and change them, while servers run.

mod body;

use std::io::Write;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum, value_parser};

use super::database::{Database, find_user};
use super::table::{Column, table};
use super::{counted, write_json};
use crate::app::CommandEngine;
use crate::auth::{hash_password, is_email, random_hex};
use crate::config::Config;
use crate::engine::Origin;
use crate::events::timestamp::iso8601;
use crate::market::{UserId, UserStatus};
use crate::store::admin_log::Actor;
use crate::store::markets;
use crate::store::one_time_passwords;
use crate::store::user_status::{self, Reason, Refusal};
use crate::store::users::{self, User};
use crate::store::views::{self, PageRequest, UserDetails, UserFilter};
use body::{BalanceBody, Cancelled, UserBody};

const MAX_TEXT_CHARS: usize = 255;
/// Random bytes of a password for one log-in.
const PASSWORD_BYTES: usize = 10;

#[derive(Subcommand)]
pub enum Action {
    /// List users, newest first
    List {
        /// The id, or the beginning of the e-mail address or of the name
        #[arg(long)]
        search: Option<String>,
        #[arg(long, value_enum)]
        status: Option<Status>,
        /// List at most N users
        #[arg(long, value_name = "N", default_value_t = 100,
            value_parser = value_parser!(i64).range(1..=100_000))]
        limit: i64,
        /// Write one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Show a user with balances
    Show(Which),
    /// Create a user without a password
    Create {
        #[arg(long)]
        name: String,
        #[arg(long)]
        email: String,
        /// Write one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Let a user neither order nor log in; all processes refuse orders at once
    Freeze {
        #[command(flatten)]
        which: Which,
        /// Cancel the open orders of the user; repeated, those that are left
        #[arg(long)]
        cancel_orders: bool,
        #[arg(long)]
        reason: Option<String>,
    },
    /// Let a frozen user order and log in again
    Unfreeze {
        #[command(flatten)]
        which: Which,
        #[arg(long)]
        reason: Option<String>,
    },
    /// Close a user, who has neither money nor open orders, for ever
    Close {
        #[command(flatten)]
        which: Which,
        #[arg(long)]
        reason: Option<String>,
    },
    /// Replace the password of a user by one for a single log-in within 24 hours, and show it once
    OneTimePassword(Which),
}

/// A user, and how to write about the user.
#[derive(Args)]
pub struct Which {
    /// The user's e-mail address or id
    #[arg(value_name = "EMAIL|ID")]
    user: String,
    /// Write one JSON object
    #[arg(long)]
    json: bool,
}

/// A status as it is written on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Status {
    Active,
    Frozen,
    Closed,
}

impl From<Status> for UserStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Active => Self::Active,
            Status::Frozen => Self::Frozen,
            Status::Closed => Self::Closed,
        }
    }
}

pub fn run(config: &Config, action: Action, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    match action {
        Action::List { search, status, limit, json } => {
            let filter = UserFilter { search, status: status.map(UserStatus::from) };
            list(config, &filter, limit, json, out)
        }
        Action::Show(which) => show(config, &which, out),
        Action::Create { name, email, json } => create(config, &name, &email, json, out),
        Action::Freeze { which, cancel_orders, reason } => {
            freeze(config, &which, reason, cancel_orders, out)
        }
        Action::Unfreeze { which, reason } => {
            let changed = set_status(config, &which, UserStatus::Active, reason, out)?;
            report(changed, which.json, out)
        }
        Action::Close { which, reason } => {
            let changed = set_status(config, &which, UserStatus::Closed, reason, out)?;
            report(changed, which.json, out)
        }
        Action::OneTimePassword(which) => one_time_password(config, &which, out),
    }
}

fn list(
    config: &Config,
    filter: &UserFilter,
    limit: i64,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let page = PageRequest::newest(limit);
    let users = Database::open(config)?.read(|c| views::users(c, filter, &page))?.rows;
    if json {
        let bodies: Vec<UserBody> = users.into_iter().map(UserBody::from).collect();
        write_json(out, &bodies)?;
        return Ok(ExitCode::SUCCESS);
    }
    let columns = [
        Column::Right("ID"),
        Column::Left("EMAIL"),
        Column::Left("NAME"),
        Column::Left("STATUS"),
        Column::Left("REASON"),
    ];
    let row = |user: User| {
        let (status, reason) = (user.status.name().to_owned(), user.status_reason);
        vec![user.id.to_string(), user.email, user.name, status, reason.unwrap_or_default()]
    };
    let rows: Vec<Vec<String>> = users.into_iter().map(row).collect();
    out.write_all(table(&columns, &rows).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn show(config: &Config, which: &Which, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let mut database = Database::open(config)?;
    let catalog = database.read(|c| markets::read(c, &config.market.listings))?;
    let details = database.read(|c| match find_user(c, &which.user)? {
        Some(user) => views::user(c, user.user_id()),
        None => Ok(None),
    })?;
    let Some(UserDetails { user, balances, open_orders }) = details else {
        return not_found(&which.user, out);
    };
    let balances: Vec<BalanceBody> =
        balances.iter().map(|balance| BalanceBody::new(balance, &catalog)).collect();
    if which.json {
        let (balances, open_orders) = (Some(balances), Some(open_orders));
        write_json(out, &UserBody { balances, open_orders, ..user.into() })?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "user {} is {}: {}, {}", user.id, user.status.name(), user.name, user.email)?;
    if let Some(reason) = user.status_reason {
        writeln!(out, "reason: {reason}")?;
    }
    writeln!(out, "open orders: {open_orders}")?;
    let columns = [Column::Left("ASSET"), Column::Right("AVAILABLE"), Column::Right("LOCKED")];
    let row = |balance: &BalanceBody| {
        vec![balance.asset.clone(), balance.available.to_string(), balance.locked.to_string()]
    };
    let rows: Vec<Vec<String>> = balances.iter().map(row).collect();
    out.write_all(table(&columns, &rows).as_bytes())?;
    Ok(ExitCode::SUCCESS)
}

fn create(
    config: &Config,
    name: &str,
    email: &str,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let (name, email) = (name.trim(), email.trim().to_lowercase());
    let is_short = |text: &str| !text.is_empty() && text.chars().count() <= MAX_TEXT_CHARS;
    if !is_short(name) {
        anyhow::bail!("the name must have 1 to {MAX_TEXT_CHARS} characters");
    }
    if !is_short(&email) || !is_email(&email) {
        anyhow::bail!("the e-mail address is invalid");
    }
    let mut database = Database::open(config)?;
    let catalog = database.read(|c| markets::read(c, &config.market.listings))?;
    let assets: Vec<_> = catalog.assets.keys().copied().collect();
    let created = database.write(|c| {
        if users::by_email(c, &email)?.is_some() {
            return Ok(None);
        }
        users::create_without_password(c, name, &email, &assets, &Actor::COMMAND).map(Some)
    })?;
    let Some(user) = created else {
        writeln!(out, "the e-mail address {email} is taken")?;
        return Ok(ExitCode::FAILURE);
    };
    if json {
        write_json(out, &UserBody::from(user))?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "user {} was created, without a password", user.id)?;
    Ok(ExitCode::SUCCESS)
}

fn freeze(
    config: &Config,
    which: &Which,
    reason: Option<String>,
    cancels_orders: bool,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let Some(user) = set_status(config, which, UserStatus::Frozen, reason, out)? else {
        return Ok(ExitCode::FAILURE);
    };
    if !cancels_orders {
        return report(Some(user), which.json, out);
    }
    let cancelled = cancel_orders(config, user.user_id())?;
    if which.json {
        write_json(out, &UserBody { cancelled: Some(cancelled), ..user.into() })?;
        return Ok(ExitCode::SUCCESS);
    }
    let count = counted(cancelled.order_ids.len(), "order");
    writeln!(out, "user {} is frozen, and {count} cancelled", user.id)?;
    for symbol in &cancelled.halted_symbols {
        writeln!(out, "market {symbol} is halted, and the orders in it remain")?;
    }
    Ok(ExitCode::SUCCESS)
}

fn cancel_orders(config: &Config, user: UserId) -> anyhow::Result<Cancelled> {
    let markets = Database::open(config)?.read(|c| views::markets_with_open_orders(c, user))?;
    let engine = CommandEngine::start(config)?;
    let catalog = engine.catalog();
    let cancelled = engine
        .run(async |handle| handle.cancel_all_of_frozen(user, markets, &Origin::default()).await)?;
    Ok(Cancelled::new(&cancelled?, &catalog))
}

/// The user with this status. `None`: nothing was changed, which is written.
fn set_status(
    config: &Config,
    which: &Which,
    status: UserStatus,
    reason: Option<String>,
    out: &mut impl Write,
) -> anyhow::Result<Option<User>> {
    let reason = Reason { actor: Actor::COMMAND, text: reason };
    let channels = &config.delivery.user_channels.pattern;
    let changed = Database::open(config)?.write(|c| {
        let Some(user) = find_user(c, &which.user)? else { return Ok(Err(Refusal::NotFound)) };
        user_status::set(c, user.user_id(), status, &reason, channels)
    })?;
    match changed {
        Ok(changed) => Ok(Some(changed.user)),
        Err(refusal) => refused(refusal, &which.user, out).map(|()| None),
    }
}

fn refused(refusal: Refusal, user: &str, out: &mut impl Write) -> anyhow::Result<()> {
    match refusal {
        Refusal::NotFound => writeln!(out, "there is no user {user}")?,
        Refusal::Closed => writeln!(out, "user {user} is closed; nothing was changed")?,
        Refusal::NotEmpty => {
            writeln!(out, "user {user} has money or open orders; nothing was changed")?;
        }
    }
    Ok(())
}

fn report(user: Option<User>, json: bool, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    let Some(user) = user else { return Ok(ExitCode::FAILURE) };
    if json {
        write_json(out, &UserBody::from(user))?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(out, "user {} is {}", user.id, user.status.name())?;
    Ok(ExitCode::SUCCESS)
}

fn one_time_password(
    config: &Config,
    which: &Which,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let password = random_hex::<PASSWORD_BYTES>();
    let hash = hash_password(&password)?;
    let channels = &config.delivery.user_channels.pattern;
    let created = Database::open(config)?.write(|c| {
        let Some(user) = find_user(c, &which.user)? else { return Ok(Err(Refusal::NotFound)) };
        let created = one_time_passwords::create(c, user.user_id(), &hash, channels)?;
        Ok(created.map(|expires_at| (user, expires_at)))
    })?;
    let (user, expires_at) = match created {
        Ok(created) => created,
        Err(refusal) => {
            refused(refusal, &which.user, out)?;
            return Ok(ExitCode::FAILURE);
        }
    };
    let until = iso8601(expires_at);
    if which.json {
        let body = UserBody {
            has_password: true,
            one_time_password: Some(password),
            one_time_password_expires_at: Some(until),
            ..user.into()
        };
        write_json(out, &body)?;
        return Ok(ExitCode::SUCCESS);
    }
    writeln!(
        out,
        "user {} may log in once until {until}; the password is shown only now:",
        user.id
    )?;
    writeln!(out, "{password}")?;
    Ok(ExitCode::SUCCESS)
}

fn not_found(user: &str, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    refused(Refusal::NotFound, user, out)?;
    Ok(ExitCode::FAILURE)
}
