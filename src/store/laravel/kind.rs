//! The names of what does not add up, and of what the import does about it.

/// What does not add up in the source. Each has a correction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    ExcessDecimals,
    DuplicateBalance,
    UnknownPassword,
    UnknownAbility,
    TokenWithoutUser,
    BalanceWithoutOwner,
    HistoryWithoutOwner,
    OrderWithoutOwner,
    OrderWithoutAmount,
    TradeWithoutOrder,
    SelfTrade,
    TradeExceedsOrder,
    TradeBeyondLimit,
    FilledDiffers,
    StatusDiffers,
    CommissionDiffers,
    WorthlessOrder,
    CrossedBook,
    NegativeBalance,
    LockedDust,
    LockedDiffers,
    ReservationDiffers,
    OrderNotCovered,
    HistoryGap,
    HistoryEndDiffers,
}

impl Kind {
    pub const ALL: [Self; 25] = [
        Self::ExcessDecimals,
        Self::DuplicateBalance,
        Self::UnknownPassword,
        Self::UnknownAbility,
        Self::TokenWithoutUser,
        Self::BalanceWithoutOwner,
        Self::HistoryWithoutOwner,
        Self::OrderWithoutOwner,
        Self::OrderWithoutAmount,
        Self::TradeWithoutOrder,
        Self::SelfTrade,
        Self::TradeExceedsOrder,
        Self::TradeBeyondLimit,
        Self::FilledDiffers,
        Self::StatusDiffers,
        Self::CommissionDiffers,
        Self::WorthlessOrder,
        Self::CrossedBook,
        Self::NegativeBalance,
        Self::LockedDust,
        Self::LockedDiffers,
        Self::ReservationDiffers,
        Self::OrderNotCovered,
        Self::HistoryGap,
        Self::HistoryEndDiffers,
    ];

    pub const fn name(self) -> &'static str {
        match self {
            Self::ExcessDecimals => "excess_decimals",
            Self::DuplicateBalance => "duplicate_balance",
            Self::UnknownPassword => "unknown_password",
            Self::UnknownAbility => "unknown_ability",
            Self::TokenWithoutUser => "token_without_user",
            Self::BalanceWithoutOwner => "balance_without_owner",
            Self::HistoryWithoutOwner => "history_without_owner",
            Self::OrderWithoutOwner => "order_without_owner",
            Self::OrderWithoutAmount => "order_without_amount",
            Self::TradeWithoutOrder => "trade_without_order",
            Self::SelfTrade => "self_trade",
            Self::TradeExceedsOrder => "trade_exceeds_order",
            Self::TradeBeyondLimit => "trade_beyond_limit",
            Self::FilledDiffers => "filled_differs",
            Self::StatusDiffers => "status_differs",
            Self::CommissionDiffers => "commission_differs",
            Self::WorthlessOrder => "worthless_order",
            Self::CrossedBook => "crossed_book",
            Self::NegativeBalance => "negative_balance",
            Self::LockedDust => "locked_dust",
            Self::LockedDiffers => "locked_differs",
            Self::ReservationDiffers => "reservation_differs",
            Self::OrderNotCovered => "order_not_covered",
            Self::HistoryGap => "history_gap",
            Self::HistoryEndDiffers => "history_end_differs",
        }
    }

    /// What the import does about it.
    pub const fn correction(self) -> &'static str {
        match self {
            Self::ExcessDecimals => "the number is rounded to 8 decimals",
            Self::DuplicateBalance => "the rows of a user and an asset are added up",
            Self::UnknownPassword => "the user is imported without a password",
            Self::UnknownAbility => "the token keeps only those abilities that matchcast has",
            Self::TokenWithoutUser => "the token is not imported",
            Self::BalanceWithoutOwner => "the balance is not imported",
            Self::HistoryWithoutOwner => "the row is not imported",
            Self::OrderWithoutOwner => {
                "a closed user with the missing id gets the order, which is cancelled if it is open"
            }
            Self::OrderWithoutAmount => "the order is not imported",
            Self::TradeWithoutOrder | Self::SelfTrade | Self::TradeExceedsOrder => {
                "the trade is not imported"
            }
            Self::TradeBeyondLimit => "the order is marked as amended",
            Self::FilledDiffers => "the trades decide what is filled; the order stays as small",
            Self::StatusDiffers => "the order gets the status that fits what is filled",
            Self::CommissionDiffers => "the difference is added to the order's last commission",
            Self::WorthlessOrder => "the order is cancelled, its reservation is released",
            Self::CrossedBook => "the newer order is cancelled, its reservation is released",
            Self::NegativeBalance => "the balance becomes 0",
            Self::LockedDust | Self::LockedDiffers | Self::ReservationDiffers => {
                "the difference moves between locked and available"
            }
            Self::OrderNotCovered => "the order is cancelled, its reservation is released",
            Self::HistoryGap | Self::HistoryEndDiffers => "the difference becomes an entry",
        }
    }
}
