//! The market's rules, pure: values in, values out. No IO, no clock, no randomness, no SQL.
//!
//! [`execute()`] takes everything that a batch of commands can touch ([`State`], loaded and locked
//! by the store) and returns everything to be written ([`Plan`]). Guarantees for every batch:
//!
//! - Price–time priority at the maker's price, partial fills, no self-trade.
//! - A fill-or-kill order fills completely or not at all; a post-only order matches nothing.
//! - A stop order that a trade triggers is executed before any later command of its market.
//! - No number leaves its range: a fill that an account could not hold is not executed, and the
//!   remaining amount of the incoming order is cancelled.
//! - Nothing is created or lost: per asset, the entries of a batch sum to its deposits.
//! - A reservation always suffices, and nothing stays reserved once an order is closed.
//! - A batch has the same results as its commands one by one, and a limited number of fills.
//!
//! A violated invariant is a bug and an assertion: it panics, the transaction is rolled back, and
//! the engine isolates the command.
#![warn(clippy::arithmetic_side_effects, clippy::as_conversions, clippy::float_arithmetic)]

use std::sync::Arc;

mod adjustment;
mod amend;
mod batch;
mod book;
mod candle;
mod client_order_id;
mod commission;
mod deposit;
mod execute;
mod funds;
mod ledger;
mod market_state;
mod matching;
mod money;
mod order;
mod place;
mod state;
mod stops;
mod terms;
mod transfers;
mod trigger;
mod withdrawal;

pub use adjustment::{Adjustment, AdjustmentStatus};
pub use book::{Book, Priority};
pub use candle::Candle;
pub use client_order_id::ClientOrderId;
pub use commission::{CommissionRates, FilledValues, OrderRates, Role};
pub use deposit::{Deposit, DepositReference};
pub use execute::execute;
pub use funds::Funds;
pub use ledger::{Account, AccountKey, Action, Entry, Ledger, Movement, Reference, UserStatus};
pub use market_state::{MarketState, MarketStatus, PriceRange};
pub use money::{Fixed, ParseError};
pub use order::{CancelReason, NewOrder, Order, Status, Trade};
pub use state::{ExecutedStop, Market, PlacedOrder, Plan, Rules, State};
pub use stops::Stops;
pub use terms::{OrderType, SelfTradePrevention, Side, Stop, TimeInForce, UnixMicros};
pub use withdrawal::{Destination, Withdrawal, WithdrawalEnd, WithdrawalStatus, WithdrawalTerms};

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
    /// A user. Ids of people are positive; the others are [`UserId::WITHDRAWAL_HOUSE`] and those of
    /// [`MarketId::house`].
    UserId(i64);
    OrderId(i64);
    TradeId(i64);
    /// A deposit that has a reference.
    DepositId(i64);
    WithdrawalId(i64);
    AdjustmentId(i64);
    MarketId(i32);
    AssetId(i32);
}

impl UserId {
    /// The house user to whom the fees of withdrawals are credited.
    pub const WITHDRAWAL_HOUSE: Self = Self(0);

    /// Whether this is a person, and no house user.
    pub const fn is_person(self) -> bool {
        self.0 > 0
    }
}

impl MarketId {
    /// The house user of this market, to whom its commission is credited.
    ///
    /// Each market has its own, so that no row is written by every batch of every market. The id is
    /// negative, so that registration cannot assign it.
    pub fn house(self) -> UserId {
        UserId(i64::from(self.0).saturating_neg())
    }
}

/// A request to the market.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Place(NewOrder),
    /// Places orders of one user one after the other, before any triggered stop order. If it is
    /// atomic, all of them or none.
    Batch {
        orders: Arc<[NewOrder]>,
        is_atomic: bool,
    },
    /// Changes the price or the whole amount of an open order, or both. It keeps its priority only
    /// if its price stays and its amount does not grow.
    Amend {
        user: UserId,
        market: MarketId,
        order: OrderId,
        price: Option<Fixed>,
        amount: Option<Fixed>,
    },
    Cancel {
        user: UserId,
        market: MarketId,
        order: OrderId,
    },
    /// Cancels the user's open orders in a market, of one side or of both.
    CancelAll {
        user: UserId,
        market: MarketId,
        side: Option<Side>,
        reason: CancelReason,
    },
    /// Nobody's request: cancels the orders of a market that have expired. Like every command it
    /// comes after the stop orders that are triggered.
    Advance {
        market: MarketId,
    },
    Deposit {
        account: AccountKey,
        amount: Fixed,
        daily_limit: u32,
    },
    /// A deposit whose reference no other deposit has: it is credited once, however often it is
    /// reported.
    DepositOnce {
        account: AccountKey,
        amount: Fixed,
        reference: DepositReference,
    },
    /// Locks the amount of a withdrawal, until it has ended.
    RequestWithdrawal {
        account: AccountKey,
        amount: Fixed,
        destination: Destination,
        terms: WithdrawalTerms,
    },
    /// Settles a pending withdrawal or releases its amount, once however often it is asked for.
    EndWithdrawal {
        account: AccountKey,
        withdrawal: WithdrawalId,
        end: WithdrawalEnd,
    },
    /// Changes the available balance of an account by a signed amount.
    Adjust {
        account: AccountKey,
        amount: Fixed,
    },
    /// Makes an adjustment that was proposed, once however often it is asked for.
    ApproveAdjustment {
        account: AccountKey,
        adjustment: AdjustmentId,
        /// The token of the administrator who approves. `None`: a command.
        approver: Option<i64>,
    },
}

impl Command {
    /// How much of a batch it is: the number of its orders, at least 1.
    pub fn weight(&self) -> usize {
        match self {
            Self::Batch { orders, .. } => orders.len().max(1),
            _ => 1,
        }
    }

    /// The markets whose books it changes, of a batch one for each order.
    pub fn markets(&self) -> impl Iterator<Item = MarketId> {
        let orders = match self {
            Self::Batch { orders, .. } => &orders[..],
            _ => &[],
        };
        self.market().into_iter().chain(orders.iter().skip(1).map(|order| order.market))
    }

    /// The market whose book it changes, of a batch the first one. `None`: it changes no book.
    pub fn market(&self) -> Option<MarketId> {
        match self {
            Self::Place(order) => Some(order.market),
            Self::Batch { orders, .. } => orders.first().map(|order| order.market),
            Self::Amend { market, .. }
            | Self::Cancel { market, .. }
            | Self::CancelAll { market, .. }
            | Self::Advance { market } => Some(*market),
            Self::Deposit { .. }
            | Self::DepositOnce { .. }
            | Self::RequestWithdrawal { .. }
            | Self::EndWithdrawal { .. }
            | Self::Adjust { .. }
            | Self::ApproveAdjustment { .. } => None,
        }
    }
}

/// The result of an executed command.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Done {
    Placed(PlacedOrder),
    /// One result for each order.
    Batch(Vec<Result<PlacedOrder, Rejection>>),
    Amended(PlacedOrder),
    Cancelled {
        order: Order,
    },
    /// By id.
    CancelledAll {
        orders: Vec<Order>,
    },
    /// The orders that have expired, by id.
    Advanced {
        expired: Vec<Order>,
    },
    Deposited {
        account: AccountKey,
        amount: Fixed,
        /// The available balance after it.
        available: Fixed,
    },
    DepositedOnce {
        deposit: Deposit,
        /// Whether this command has credited it, and no earlier one.
        is_new: bool,
    },
    /// A withdrawal that was requested or has ended.
    Withdrawal {
        withdrawal: Withdrawal,
        /// Whether this command has changed it, and no earlier one.
        is_new: bool,
    },
    Adjusted {
        adjustment: Adjustment,
        /// Whether this command has made it, and no earlier one.
        is_new: bool,
    },
}

/// A trade that did not take place, because both orders are of the same user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PreventedTrade {
    pub maker: OrderId,
    pub price: Fixed,
    /// What would have been traded.
    pub amount: Fixed,
}

/// Why a command was rejected. A rejection changes nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rejection {
    /// The available balance of this asset (for a buy order the quote asset, for a sell order the
    /// base asset) does not cover the reservation.
    InsufficientFunds { side: Side, asset: AssetId },
    /// There is no such order, or it belongs to another user: deliberately indistinguishable.
    OrderNotFound,
    /// The order is already filled or cancelled, so it cannot be cancelled.
    OrderNotOpen,
    /// The order is already filled or cancelled, so it cannot be amended.
    OrderNotAmendable,
    /// `price × amount` with its commission, or the balance after a deposit, is out of range.
    OutOfRange,
    /// The user is frozen.
    AccountFrozen,
    /// The user is closed.
    AccountClosed,
    /// The account has reached its daily limit of deposits.
    DepositLimit,
    /// The reference is that of another deposit: to another account, or of another amount.
    DepositReferenceTaken,
    /// The available balance of this asset does not cover a withdrawal or an adjustment.
    BalanceTooLow { asset: AssetId },
    /// The amount of a withdrawal is below the minimum of its asset.
    WithdrawalTooSmall { min: Fixed },
    /// The withdrawals of the last 24 hours, with this one, would exceed the limit of the asset.
    WithdrawalLimit { left: Fixed },
    /// There is no such withdrawal, or it is of another account: deliberately indistinguishable.
    WithdrawalNotFound,
    /// The withdrawal has ended in another way.
    WithdrawalNotPending(WithdrawalStatus),
    /// There is no such adjustment.
    AdjustmentNotFound,
    /// The adjustment was rejected.
    AdjustmentRejected,
    /// The adjustment was proposed with the same token.
    SameAdministrator,
    /// The order must rest, and would match.
    PostOnlyWouldMatch,
    /// A market order, and no order that it could match, whose price would be its bound.
    NoMarketPrice,
    /// The price is not a multiple of the tick size.
    NotOnTick { tick_size: Fixed },
    /// The stop price is not a multiple of the tick size.
    StopNotOnTick { tick_size: Fixed },
    /// The amount is not a multiple of the lot size.
    NotInLots { lot_size: Fixed },
    /// A market order's `quote_amount` is below the market's minimum value, or does not buy a lot.
    QuoteAmountTooSmall,
    /// The value of the order is less than the market's minimum.
    ValueTooSmall { min_value: Fixed },
    /// The user has as many open orders in this market as are allowed.
    TooManyOpenOrders { at_most: u32 },
    /// The user has had an order with this client order id.
    ClientOrderIdTaken,
    /// The time at which the order would expire has passed.
    Expired,
    /// The market does not accept this command now.
    MarketNotOpen(MarketStatus),
    /// The new amount of an order is no more than what is filled of it or was taken from it.
    AmountUsed,
    /// The price of a market order is its bound, and cannot be amended.
    NoPriceToAmend,
    /// Another order of its atomic batch was rejected.
    BatchRejected,
}
