//! Which errors each operation can return, besides those that follow from what it is: whether it
//! needs a sign-in, reads a body, or writes.

use crate::http::response::ErrorCode::{self, *};

/// Of whatever places an order.
const ORDER: [ErrorCode; 12] = [
    InsufficientFunds,
    PostOnlyWouldMatch,
    NoMarketPrice,
    MarketCancelOnly,
    MarketHalted,
    TooManyOpenOrders,
    AccountFrozen,
    AccountClosed,
    ClientOrderIdTaken,
    ValidationFailed,
    TooBusy,
    Stopping,
];
/// Of whatever cancels an order that it names.
const CANCELLATION: [ErrorCode; 5] = [OrderNotFound, OrderNotOpen, MarketHalted, TooBusy, Stopping];

/// The codes of an operation, by its id.
pub fn of_operation(id: &str) -> Vec<ErrorCode> {
    match id {
        "placeOrder" => ORDER.to_vec(),
        "placeOrders" => [&ORDER[..], &[BatchRejected]].concat(),
        "previewOrder" => vec![ValidationFailed],
        "amendOrder" => [&ORDER[..], &[OrderNotFound, OrderNotOpen]].concat(),
        "cancelOrder" | "cancelOrderByClientOrderId" => CANCELLATION.to_vec(),
        "cancelOrders" => vec![ValidationFailed, MarketHalted, TooBusy, Stopping],
        "getOrder" | "getOrderByClientOrderId" => vec![OrderNotFound],
        "getOrderBook" => vec![MarketNotFound, ValidationFailed],
        "listBookOrders" | "listMyOrders" | "listMyTrades" | "listBalanceHistory"
        | "listTrades" | "listCandles" | "getTicker" | "listTokens" | "listSessions" => {
            vec![ValidationFailed]
        }
        "getError" => vec![NotFound],
        "logIn" => vec![ValidationFailed, TooBusy, AccountFrozen],
        "register" | "changePassword" => vec![ValidationFailed, TooBusy],
        "fundAccount" => {
            vec![NotFound, ValidationFailed, FaucetLimit, AccountClosed, TooBusy, Stopping]
        }
        "createToken" => vec![ValidationFailed, TooManyTokens],
        "revokeToken" => vec![TokenNotFound],
        "endSession" => vec![SessionNotFound],
        "createWebhook" => vec![NotFound, ValidationFailed, TooManyWebhooks],
        "replayWebhook" => vec![NotFound, ValidationFailed],
        "listWebhookMessages" => vec![NotFound, ValidationFailed],
        "getWebhook" | "deleteWebhook" | "enableWebhook" | "rotateWebhookSecret" => {
            vec![NotFound]
        }
        "authorizeChannel" => vec![Forbidden, ValidationFailed],
        "authorizeSignIn" => vec![ValidationFailed],
        "listDebugEvents" | "getDemoTraders" => vec![NotFound],
        "sendDebugEvent" | "setDemoTraders" => vec![NotFound, ValidationFailed],
        "receiveProviderWebhook" => vec![WebhookUnsigned, WebhookMalformed, WebhookStale],
        "getMetrics" => vec![NotFound],
        id => of_administration(id),
    }
}

/// The codes of an operation that moves money in or out, or of administrators.
fn of_administration(id: &str) -> Vec<ErrorCode> {
    match id {
        "listAdminActs" | "listDeposits" | "listAllOrders" | "exportOrders" | "listAllTrades"
        | "exportTrades" | "listLedgerEntries" | "exportLedger" | "getCommission"
        | "getBalanceSheet" | "listDeadLetters" | "exportUsers" | "listWithdrawals"
        | "listAllWithdrawals" | "listAdjustments" => vec![ValidationFailed],
        "setMarketStatus" => vec![ValidationFailed, MarketNotFound],
        "requestWithdrawal" => vec![
            ValidationFailed,
            InsufficientFunds,
            WithdrawalLimit,
            AccountFrozen,
            AccountClosed,
            TooBusy,
            Stopping,
        ],
        "getWithdrawal" => vec![WithdrawalNotFound],
        "cancelWithdrawal" => {
            vec![WithdrawalNotFound, WithdrawalNotPending, TooBusy, Stopping]
        }
        "completeWithdrawal" | "rejectWithdrawal" => {
            vec![ValidationFailed, WithdrawalNotFound, WithdrawalNotPending, TooBusy, Stopping]
        }
        "createAdjustment" => {
            vec![ValidationFailed, InsufficientFunds, AccountClosed, TooBusy, Stopping]
        }
        "approveAdjustment" => vec![
            ValidationFailed,
            InsufficientFunds,
            SameAdministrator,
            AdjustmentNotFound,
            AdjustmentDecided,
            AccountClosed,
            TooBusy,
            Stopping,
        ],
        "rejectAdjustment" => vec![AdjustmentNotFound, AdjustmentDecided],
        "createDeposit" => {
            vec![ValidationFailed, DepositReferenceTaken, AccountClosed, TooBusy, Stopping]
        }
        "listUsers" | "createUser" => vec![ValidationFailed],
        "freezeUser" => vec![ValidationFailed, AccountClosed, TooBusy, Stopping],
        "unfreezeUser" => vec![ValidationFailed, AccountClosed],
        "closeUser" => vec![ValidationFailed, AccountNotEmpty],
        _ => Vec::new(),
    }
}
