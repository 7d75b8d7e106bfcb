//! Scenarios of withdrawals and adjustments.

use super::script::check;

#[test]
fn a_withdrawal_is_locked_until_it_has_ended() {
    check(
        "withdrawals",
        "ann deposits 100 USD             -> 100
         ann withdraws 30 USD             -> pending
         ann has 70 USD, 30 locked
         ann withdraws 70.00000001 USD    -> BalanceTooLow { asset: AssetId(1) }
         ann buys 1 BTC at 80             -> InsufficientFunds(Buy)
         ann completes withdrawal 1 USD   -> completed
         ann has 70 USD
         ann completes withdrawal 1 USD   -> completed before
         ann rejects withdrawal 1 USD     -> WithdrawalNotPending(Ended(Completed))
         ann cancels withdrawal 1 USD     -> WithdrawalNotPending(Ended(Completed))
         ann withdraws 70 USD             -> pending
         ann rejects withdrawal 2 USD     -> rejected
         ann rejects withdrawal 2 USD     -> rejected before
         ann completes withdrawal 2 USD   -> WithdrawalNotPending(Ended(Rejected))
         ann has 70 USD
         ann withdraws 70 USD             -> pending
         ann cancels withdrawal 3 USD     -> cancelled
         ann cancels withdrawal 3 USD     -> cancelled before
         ann has 70 USD",
    );
}

#[test]
fn a_withdrawal_is_of_one_account() {
    check(
        "withdrawals of others",
        "ann deposits 10 USD              -> 10
         bob deposits 10 USD              -> 10
         ann withdraws 10 USD             -> pending
         bob cancels withdrawal 1 USD     -> WithdrawalNotFound
         ann cancels withdrawal 1 BTC     -> WithdrawalNotFound
         ann completes withdrawal 2 USD   -> WithdrawalNotFound
         ann has 0 USD, 10 locked
         bob has 10 USD",
    );
}

#[test]
fn the_fee_stays_in_the_house_of_withdrawals() {
    check(
        "fees",
        "ann deposits 100 USD                              -> 100
         ann withdraws 2 USD min 2.5 fee 1 limit 50        -> \
            WithdrawalTooSmall { min: Fixed(250000000) }
         ann withdraws 10 USD min 2.5 fee 1 limit 50       -> pending
         house has 0 USD
         ann completes withdrawal 1 USD                    -> completed
         ann has 90 USD
         house has 1 USD
         ann withdraws 10 USD min 2.5 fee 1 limit 50       -> pending
         ann rejects withdrawal 2 USD                      -> rejected
         ann has 90 USD
         house has 1 USD",
    );
}

#[test]
fn withdrawals_that_are_pending_or_completed_count_towards_the_limit() {
    check(
        "limit",
        "ann deposits 100 USD                              -> 100
         ann withdraws 51 USD min 1 fee 0 limit 50         -> \
            WithdrawalLimit { left: Fixed(5000000000) }
         ann withdraws 20 USD min 1 fee 0 limit 50         -> pending
         ann withdraws 20 USD min 1 fee 0 limit 50         -> pending
         ann completes withdrawal 1 USD                    -> completed
         ann withdraws 10.5 USD min 1 fee 0 limit 50       -> \
            WithdrawalLimit { left: Fixed(1000000000) }
         ann cancels withdrawal 2 USD                      -> cancelled
         ann withdraws 30 USD min 1 fee 0 limit 50         -> pending
         ann withdraws 1 USD min 1 fee 0 limit 50          -> WithdrawalLimit { left: Fixed(0) }
         # A limit that was lowered.
         ann withdraws 1 USD min 1 fee 0 limit 40          -> WithdrawalLimit { left: Fixed(0) }",
    );
}

#[test]
fn an_adjustment_takes_no_more_than_is_available() {
    check(
        "adjustments",
        "ann gains 5 USD                  -> adjusted
         ann has 5 USD
         ann withdraws 2 USD              -> pending
         ann loses 3.00000001 USD         -> BalanceTooLow { asset: AssetId(1) }
         ann loses 3 USD                  -> adjusted
         ann has 0 USD, 2 locked
         ann gains max USD                -> OutOfRange
         ann rejects withdrawal 1 USD     -> rejected
         ann has 2 USD",
    );
}
