//! Accounts and the entries that change them.
//!
//! Only [`Ledger::post`] changes an account, and every call leaves an [`Entry`]: an account is the
//! sum of its entries. Balances never become negative; an attempt is a bug, except in
//! [`Ledger::reserve`], which rejects it.

use std::collections::{BTreeMap, BTreeSet};

use super::{AdjustmentId, AssetId, DepositId, Fixed, MarketId, OrderId, UserId, WithdrawalId};

/// Identifies an account by user and asset. Accounts are locked in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountKey {
    pub user: UserId,
    pub asset: AssetId,
}

/// What a user may do. Administrators change it, never a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum UserStatus {
    #[default]
    Active,
    /// Open orders may still be filled, and deposits are credited.
    Frozen,
    /// For ever. A closed user has neither money nor open orders.
    Closed,
}

impl UserStatus {
    pub const ALL: [Self; 3] = [Self::Active, Self::Frozen, Self::Closed];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Frozen => "frozen",
            Self::Closed => "closed",
        }
    }
}

/// A user's holding of one asset.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Account {
    /// The row in the database.
    pub id: i64,
    pub available: Fixed,
    pub locked: Fixed,
    /// The user's open orders in the market whose base asset this is.
    pub open_orders: u32,
    /// That of the user, the same in each of the user's accounts.
    pub user_status: UserStatus,
}

/// What an entry does to the total of an asset, over all accounts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Movement {
    /// Money comes in.
    Deposit,
    /// Money goes out.
    Withdrawal,
    /// An administrator corrects an account, in either direction.
    Adjustment,
    /// Money moves between accounts, or between the parts of one. These entries sum to zero.
    Internal,
}

/// The reason of a ledger entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Action {
    Deposit,
    OrderReserved,
    OrderRefund,
    OrderCancelled,
    TradeCompleted,
    CommissionCollected,
    WithdrawalRequested,
    WithdrawalCompleted,
    WithdrawalRejected,
    WithdrawalCancelled,
    /// Credited to the house of withdrawals.
    WithdrawalFee,
    Adjustment,
    /// What the account had in the system that it was imported from.
    MigrationOpening,
    /// A row of the balance history of that system.
    MigrationHistory,
    /// A named correction of what did not add up there.
    MigrationAdjustment,
}

impl Action {
    pub const ALL: [Self; 15] = [
        Self::Deposit,
        Self::OrderReserved,
        Self::OrderRefund,
        Self::OrderCancelled,
        Self::TradeCompleted,
        Self::CommissionCollected,
        Self::WithdrawalRequested,
        Self::WithdrawalCompleted,
        Self::WithdrawalRejected,
        Self::WithdrawalCancelled,
        Self::WithdrawalFee,
        Self::Adjustment,
        Self::MigrationOpening,
        Self::MigrationHistory,
        Self::MigrationAdjustment,
    ];

    /// The code in the database.
    pub const fn code(self) -> i16 {
        match self {
            Self::Deposit => 1,
            Self::OrderReserved => 2,
            Self::OrderRefund => 3,
            Self::OrderCancelled => 4,
            Self::TradeCompleted => 5,
            Self::CommissionCollected => 6,
            Self::WithdrawalRequested => 7,
            Self::WithdrawalCompleted => 8,
            Self::WithdrawalRejected => 9,
            Self::WithdrawalCancelled => 10,
            Self::WithdrawalFee => 11,
            Self::Adjustment => 12,
            Self::MigrationOpening => 13,
            Self::MigrationHistory => 14,
            Self::MigrationAdjustment => 15,
        }
    }

    pub const fn movement(self) -> Movement {
        match self {
            Self::Deposit | Self::MigrationOpening | Self::MigrationHistory => Movement::Deposit,
            // The fee does not leave.
            Self::WithdrawalCompleted | Self::WithdrawalFee => Movement::Withdrawal,
            Self::Adjustment | Self::MigrationAdjustment => Movement::Adjustment,
            Self::OrderReserved
            | Self::OrderRefund
            | Self::OrderCancelled
            | Self::TradeCompleted
            | Self::CommissionCollected
            | Self::WithdrawalRequested
            | Self::WithdrawalRejected
            | Self::WithdrawalCancelled => Movement::Internal,
        }
    }
}

/// The subject of a ledger entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reference {
    None,
    Order(OrderId),
    /// The position of the trade in [`super::Plan::trades`].
    Trade(usize),
    Market(MarketId),
    Deposit(DepositId),
    Withdrawal(WithdrawalId),
    Adjustment(AdjustmentId),
}

/// One change of one account.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Entry {
    pub account: AccountKey,
    pub action: Action,
    pub available_change: Fixed,
    pub locked_change: Fixed,
    pub available_after: Fixed,
    pub reference: Reference,
}

/// The available balance does not cover a reservation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Insufficient;

/// The accounts that a batch can touch, and the entries that changed them.
#[derive(Clone, Debug, Default)]
pub struct Ledger {
    accounts: BTreeMap<AccountKey, Account>,
    changed: BTreeSet<AccountKey>,
    entries: Vec<Entry>,
}

impl Ledger {
    pub fn insert(&mut self, key: AccountKey, account: Account) {
        self.accounts.insert(key, account);
    }

    /// Whether the account was loaded.
    pub fn contains(&self, key: AccountKey) -> bool {
        self.accounts.contains_key(&key)
    }

    /// # Panics
    /// If the account was not loaded: `load` violated its contract.
    pub fn account(&self, key: AccountKey) -> &Account {
        self.accounts.get(&key).expect("load() provides every account that a batch can touch")
    }

    /// Whether the account can hold `credit` as well, even once everything locked in it is
    /// released.
    pub fn can_credit(&self, key: AccountKey, credit: Fixed) -> bool {
        let Account { available, locked, .. } = *self.account(key);
        available.checked_add(locked).and_then(|held| held.checked_add(credit)).is_some()
    }

    /// Moves `amount` from available to locked, if the available balance covers it.
    pub fn reserve(
        &mut self,
        key: AccountKey,
        amount: Fixed,
        order: OrderId,
    ) -> Result<(), Insufficient> {
        if self.account(key).available < amount {
            return Err(Insufficient);
        }
        self.post(key, Action::OrderReserved, amount.negated(), amount, Reference::Order(order));
        Ok(())
    }

    /// Moves the reservation of an order, or a part of it, back to available.
    pub fn release(&mut self, key: AccountKey, action: Action, amount: Fixed, order: OrderId) {
        self.post(key, action, amount, amount.negated(), Reference::Order(order));
    }

    /// Changes an account by signed amounts and adds the entry.
    ///
    /// # Panics
    /// If a balance would become negative or leave its range: money would be created or lost.
    pub fn post(
        &mut self,
        key: AccountKey,
        action: Action,
        available_change: Fixed,
        locked_change: Fixed,
        reference: Reference,
    ) {
        let account = self.change(key);
        let sum = |balance: Fixed, change: Fixed| {
            let sum = balance.checked_add(change).expect("a balance left its range");
            assert!(sum >= Fixed::ZERO, "a balance would become negative");
            sum
        };
        account.available = sum(account.available, available_change);
        account.locked = sum(account.locked, locked_change);
        let available_after = account.available;
        self.entries.push(Entry {
            account: key,
            action,
            available_change,
            locked_change,
            available_after,
            reference,
        });
    }

    /// Counts an order that was opened, or is no longer open, in the account of the base asset.
    ///
    /// # Panics
    /// If no open order was counted: a bug in matching.
    pub fn count_open_order(&mut self, key: AccountKey, is_open: bool) {
        let account = self.change(key);
        account.open_orders = if is_open {
            account.open_orders.checked_add(1).expect("fewer than 2^32 orders are open")
        } else {
            account.open_orders.checked_sub(1).expect("every open order is counted")
        };
    }

    fn change(&mut self, key: AccountKey) -> &mut Account {
        self.changed.insert(key);
        self.accounts.get_mut(&key).expect("load() provides every account that a batch can touch")
    }

    /// The accounts that were changed.
    pub const fn changed(&self) -> &BTreeSet<AccountKey> {
        &self.changed
    }

    /// Takes the entries since the last call.
    pub fn take_entries(&mut self) -> Vec<Entry> {
        std::mem::take(&mut self.entries)
    }
}
