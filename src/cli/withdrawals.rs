//! `matchcast withdrawals`: lists withdrawals and ends them, while servers run.

use std::io::Write;
use std::process::ExitCode;

use clap::{Subcommand, ValueEnum, value_parser};

use super::database::Database;
use super::table::{Column, table};
use super::write_json;
use crate::app;
use crate::config::Config;
use crate::engine::{EngineError, Executed, Origin};
use crate::events::funds::withdrawal_status_name;
use crate::events::timestamp::iso8601;
use crate::http::AdminWithdrawalBody;
use crate::market::{Command, Rejection, UserId, WithdrawalEnd, WithdrawalId, WithdrawalStatus};
use crate::store::markets;
use crate::store::views::{self, PageRequest, WithdrawalFilter};
use crate::store::withdrawals::{self, RecordedWithdrawal};

#[derive(Subcommand)]
pub enum Action {
    /// List withdrawals, newest first
    List {
        /// Only those with this status
        #[arg(long, value_enum)]
        status: Option<Status>,
        /// Only those of the user with this id
        #[arg(long, value_name = "ID")]
        user: Option<i64>,
        /// At most N withdrawals
        #[arg(long, value_name = "N", default_value_t = 100,
            value_parser = value_parser!(i64).range(1..=100_000))]
        limit: i64,
        /// Write one JSON array
        #[arg(long)]
        json: bool,
    },
    /// Settle a pending withdrawal that was paid
    Complete {
        id: i64,
        /// The payment service's name for the payment
        #[arg(long)]
        reference: Option<String>,
        #[arg(long)]
        note: Option<String>,
        /// Write one JSON object
        #[arg(long)]
        json: bool,
    },
    /// Give the amount of a pending withdrawal back
    Reject {
        id: i64,
        #[arg(long)]
        note: Option<String>,
        /// Write one JSON object
        #[arg(long)]
        json: bool,
    },
}

/// A status as it is written on the command line.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub enum Status {
    Pending,
    Completed,
    Rejected,
    Cancelled,
}

impl From<Status> for WithdrawalStatus {
    fn from(status: Status) -> Self {
        match status {
            Status::Pending => Self::Pending,
            Status::Completed => Self::Ended(WithdrawalEnd::Completed),
            Status::Rejected => Self::Ended(WithdrawalEnd::Rejected),
            Status::Cancelled => Self::Ended(WithdrawalEnd::Cancelled),
        }
    }
}

pub fn run(config: &Config, action: Action, out: &mut impl Write) -> anyhow::Result<ExitCode> {
    match action {
        Action::List { status, user, limit, json } => {
            let filter = WithdrawalFilter {
                user: user.map(UserId),
                status: status.map(WithdrawalStatus::from),
            };
            list(config, filter, limit, json, out)
        }
        Action::Complete { id, reference, note, json } => {
            let origin = Origin { token: None, reference, note };
            end(config, WithdrawalId(id), WithdrawalEnd::Completed, origin, json, out)
        }
        Action::Reject { id, note, json } => {
            let origin = Origin { note, ..Origin::default() };
            end(config, WithdrawalId(id), WithdrawalEnd::Rejected, origin, json, out)
        }
    }
}

fn list(
    config: &Config,
    filter: WithdrawalFilter,
    limit: i64,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let page = PageRequest::newest(limit);
    let (page, catalog) = Database::open(config)?.read(|c| {
        let catalog = markets::read(c, &config.market.listings)?;
        Ok((views::withdrawals(c, filter, &page)?, catalog))
    })?;
    if json {
        let body = |row: &RecordedWithdrawal| AdminWithdrawalBody::new(row, &catalog);
        let rows: Vec<_> = page.rows.iter().map(body).collect();
        write_json(out, &rows)?;
        return Ok(ExitCode::SUCCESS);
    }
    let columns = [
        Column::Right("ID"),
        Column::Right("USER"),
        Column::Right("AMOUNT"),
        Column::Right("FEE"),
        Column::Left("ASSET"),
        Column::Left("STATUS"),
        Column::Left("REQUESTED"),
        Column::Left("DESTINATION"),
    ];
    let row = |recorded: &RecordedWithdrawal| {
        let withdrawal = recorded.withdrawal;
        vec![
            withdrawal.id.to_string(),
            withdrawal.account.user.to_string(),
            withdrawal.amount.to_string(),
            withdrawal.fee.to_string(),
            catalog.asset_symbol(withdrawal.account.asset).to_owned(),
            withdrawal_status_name(withdrawal.status).to_owned(),
            iso8601(recorded.created_at),
            recorded.destination.as_str().to_owned(),
        ]
    };
    let rows: Vec<_> = page.rows.iter().map(row).collect();
    write!(out, "{}", table(&columns, &rows))?;
    Ok(ExitCode::SUCCESS)
}

fn end(
    config: &Config,
    id: WithdrawalId,
    end: WithdrawalEnd,
    origin: Origin,
    json: bool,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let found = Database::open(config)?.read(|c| withdrawals::by_id(c, id))?;
    let Some(found) = found else {
        writeln!(out, "there is no withdrawal {id}")?;
        return Ok(ExitCode::FAILURE);
    };
    let engine = app::CommandEngine::start(config)?;
    let catalog = engine.catalog();
    let account = found.withdrawal.account;
    let command = Command::EndWithdrawal { account, withdrawal: id, end };
    let executed = engine.run(async |handle| handle.administer(command, origin).await)?;
    let (withdrawal, is_new) = match executed {
        Ok(Executed::Withdrawal { withdrawal, is_new }) => (withdrawal, is_new),
        Ok(_) => anyhow::bail!("the withdrawal has the reply of another kind"),
        Err(EngineError::Rejected(Rejection::WithdrawalNotPending(status))) => {
            let status = withdrawal_status_name(status);
            writeln!(out, "withdrawal {id} is {status}; nothing was changed")?;
            return Ok(ExitCode::FAILURE);
        }
        Err(error) => return Err(error.into()),
    };
    let status = withdrawal_status_name(withdrawal.withdrawal.status);
    if json {
        let body = AdminWithdrawalBody::new(&withdrawal, &catalog);
        write_json(out, &body)?;
    } else if is_new {
        writeln!(out, "withdrawal {id} is {status}")?;
    } else {
        writeln!(out, "withdrawal {id} was {status} before; nothing was changed")?;
    }
    Ok(ExitCode::SUCCESS)
}
