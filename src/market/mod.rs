//! The market's rules, pure: values in, values out. No IO, no clock, no randomness, no SQL.
//!
//! [`execute`] takes what a batch of commands can touch ([`State`], loaded and locked by the store)
//! and gives what has to be written ([`Plan`]). It guarantees, for every batch:
//!
//! - price–time priority at the resting order's price, partial fills, no self-trade;
//! - no number leaves its range: where a fill would be more than somebody can hold, it is not made,
//!   and the incoming order's rest is cancelled;
//! - nothing is created or lost: per asset, the entries of a batch sum to its deposits;
//! - what an order has reserved always suffices, and nothing stays reserved once it is closed;
//! - one batch gives what the same commands give one by one.
//!
//! What could not be true unless there were a bug is an assertion: it panics, the transaction is
//! rolled back, and the engine isolates the command.
#![warn(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::float_arithmetic)]

mod book;
mod execute;
mod ledger;
mod money;
mod order;
mod state;

pub use book::{Book, Priority};
pub use execute::execute;
pub use ledger::{Account, AccountKey, Action, Entry, Ledger, Reference};
pub use money::{Fixed, ParseError};
pub use order::{NewOrder, Order, Side, Status, Trade};
pub use state::{Market, Plan, State};

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident($number:ty);)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub $number);

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                self.0.fmt(f)
            }
        }
    )*};
}

ids! {
    /// A user. People have positive ids; see [`MarketId::house`] for the others.
    UserId(i64);
    OrderId(i64);
    TradeId(i64);
    MarketId(i32);
    AssetId(i32);
}

impl MarketId {
    /// The user that commission of this market is credited to.
    ///
    /// There is one per market, so that no row is written by every batch of every market. Its id is
    /// negative: it can never be taken by somebody who registers.
    pub fn house(self) -> UserId {
        UserId(i64::from(self.0).saturating_neg())
    }
}

/// Something a user asks the market to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    Place(NewOrder),
    Cancel { user: UserId, order: OrderId },
    Deposit { account: AccountKey, amount: Fixed, daily_limit: u32 },
}

/// What a command led to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    /// The order as it stood after its own matching, and its trades in [`Plan::trades`].
    Placed {
        order: Order,
        trades: std::ops::Range<usize>,
    },
    Cancelled {
        order: Order,
    },
    Deposited {
        available: Fixed,
    },
}

/// Why a command was refused. A refusal changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// The buyer's quote asset, or the seller's base asset, does not cover the reservation.
    InsufficientFunds(Side),
    /// No such order, or another user's: the same answer for both.
    OrderNotFound,
    /// The order is filled or cancelled already.
    OrderNotOpen,
    /// `price × amount` with its commission, or the balance after a deposit, leaves the range.
    OutOfRange,
    /// The account has had all deposits that a day allows.
    DepositLimit,
}
