//! The kinds of events.

/// A kind of event. Existing pages listen to the exact name of `order.matched`, for which the
/// operator may choose another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum EventKind {
    /// To the buyer and the seller of a trade.
    OrderMatched,
    /// To the owner of an order: it was opened, filled in part or in full, or cancelled.
    OrderUpdated,
    /// To the owner of an account: its balance changed.
    BalanceUpdated,
    /// To the owner of an account: a withdrawal was requested or has ended.
    WithdrawalUpdated,
    /// To everybody: a trade was executed.
    TradeExecuted,
    /// To everybody: the best prices of an order book.
    BookUpdated,
    /// To everybody: a market accepts other commands than before.
    MarketUpdated,
    /// Not published to pages: has the provider terminate a user's connections.
    TerminateConnections,
}

impl EventKind {
    pub const ALL: [Self; 8] = [
        Self::OrderMatched,
        Self::OrderUpdated,
        Self::BalanceUpdated,
        Self::WithdrawalUpdated,
        Self::TradeExecuted,
        Self::BookUpdated,
        Self::MarketUpdated,
        Self::TerminateConnections,
    ];

    /// Whether its events are for the users whom they concern, and not public.
    pub const fn concerns_a_user(self) -> bool {
        matches!(
            self,
            Self::OrderMatched
                | Self::OrderUpdated
                | Self::BalanceUpdated
                | Self::WithdrawalUpdated
        )
    }

    /// The name of the event: in the catalogue and for webhooks, and also on the wire unless
    /// [`NewEvent::name`](super::NewEvent::name) says otherwise.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OrderMatched => "order.matched",
            Self::OrderUpdated => "order.updated",
            Self::BalanceUpdated => "balance.updated",
            Self::WithdrawalUpdated => "withdrawal.updated",
            Self::TradeExecuted => "trade.executed",
            Self::BookUpdated => "book.updated",
            Self::MarketUpdated => "market.updated",
            Self::TerminateConnections => "terminate_connections",
        }
    }
}

impl std::fmt::Display for EventKind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}
