//! Damage to what comes in and goes out: the audit finds it.

use matchcast::engine::{self, EngineHandle, EngineSettings, Executed, Notifiers, Origin};
use matchcast::market::{
    AccountKey, AssetId, Command, DepositReference, Destination, Fixed, WithdrawalEnd,
    WithdrawalTerms,
};
use matchcast::store::users;
use matchcast::store::webhook_endpoints::SharedSubscriptions;

use crate::audit::{check, nth};
use crate::on_both;
use crate::support::database::Database;

/// Runs `work` with an engine and the account of a new user.
async fn with_engine(database: &Database, work: impl AsyncFnOnce(EngineHandle, AccountKey)) {
    let (store, catalog) = database.open_store();
    let mut connection = database.connect();
    let user = store.write(&mut connection, |c| users::create(c, "a", "a@b.c", "", &[]));
    let account = AccountKey { user: user.unwrap().user_id(), asset: AssetId(1) };
    let (handle, thread) = engine::start(
        store,
        catalog,
        SharedSubscriptions::default(),
        Notifiers::default(),
        EngineSettings::default(),
    )
    .unwrap();
    work(handle.clone(), account).await;
    handle.stop().await;
    tokio::task::spawn_blocking(|| thread.join().unwrap()).await.unwrap();
    database.audit();
}

async fn deposit(handle: &EngineHandle, account: AccountKey, reference: &str) {
    let reference = DepositReference::parse(reference).unwrap();
    let command = Command::DepositOnce { account, amount: Fixed::ONE, reference };
    handle.administer(command, Origin::default()).await.unwrap();
}

/// A withdrawal of a tenth, with a fee, which then ends.
async fn withdraw(handle: &EngineHandle, account: AccountKey, end: Option<WithdrawalEnd>) {
    let amount = Fixed::from_units(10_000_000);
    let destination = Destination::parse("a bank account").unwrap();
    let terms = WithdrawalTerms { fee: Fixed::UNIT, ..WithdrawalTerms::NONE };
    let command = Command::RequestWithdrawal { account, amount, destination, terms };
    let requested = handle.execute(command, None).await.unwrap();
    let Executed::Withdrawal { withdrawal, .. } = requested else { panic!("{requested:?}") };
    if let Some(end) = end {
        let withdrawal = withdrawal.withdrawal.id;
        let command = Command::EndWithdrawal { account, withdrawal, end };
        handle.administer(command, Origin::default()).await.unwrap();
    }
}

on_both! {
    async fn damage_to_deposits_is_found(database: Database) {
        with_engine(&database, async |handle, account| {
            deposit(&handle, account, "p-1").await;
            deposit(&handle, account, "p-2").await;
        })
        .await;
        let expected = "a deposit with a reference is one ledger entry";
        for (damage, repair) in [
            ("UPDATE deposits SET amount = amount + 1", "UPDATE deposits SET amount = amount - 1"),
            ("UPDATE deposits SET user_id = user_id + 1",
                "UPDATE deposits SET user_id = user_id - 1"),
            ("UPDATE deposits SET asset_id = 2", "UPDATE deposits SET asset_id = 1"),
            ("UPDATE deposits SET id = 7 WHERE id = 1", "UPDATE deposits SET id = 1 WHERE id = 7"),
            ("UPDATE ledger_entries SET reference_id = (SELECT max(id) FROM deposits) \
              WHERE reference_id = 1",
                "UPDATE ledger_entries SET reference_id = 1 WHERE id = (SELECT min(id) FROM \
                 ledger_entries)"),
            ("UPDATE ledger_entries SET action = 2 WHERE reference_id = 1",
                "UPDATE ledger_entries SET action = 1 WHERE reference_id = 1"),
            ("UPDATE ledger_entries SET reference_type = NULL WHERE reference_id = 1",
                "UPDATE ledger_entries SET reference_type = 4 WHERE reference_id = 1"),
        ] {
            check(&database, damage, repair, expected);
        }
        database.execute(&format!("DELETE FROM deposits WHERE id = {}", nth("deposits", 2)));
        let findings = database.findings();
        for expected in [expected, "each deposit with a reference is in the log"] {
            assert!(findings.iter().any(|found| found.starts_with(expected)), "{findings:?}");
        }
    }

    async fn damage_to_withdrawals_is_found(database: Database) {
        with_engine(&database, async |handle, account| {
            deposit(&handle, account, "p-1").await;
            use WithdrawalEnd::{Cancelled, Completed, Rejected};
            for end in [None, Some(Completed), Some(Rejected), Some(Cancelled)] {
                withdraw(&handle, account, end).await;
            }
        })
        .await;
        let entries = "a withdrawal is its ledger entries";
        let withdrawal = |number: usize, change: &str| {
            let id = nth("withdrawals", number);
            format!("UPDATE withdrawals SET {change} WHERE id = {id}")
        };
        for number in 1..=4 {
            for (damage, repair) in [
                ("amount = amount + 1", "amount = amount - 1"),
                ("user_id = user_id + 1", "user_id = user_id - 1"),
                ("asset_id = 2", "asset_id = 1"),
            ] {
                let change = |change| withdrawal(number, change);
                check(&database, &change(damage), &change(repair), entries);
            }
        }
        // Pending, completed, rejected and cancelled.
        for status in 1..=4 {
            for other in (1..=4).filter(|other| *other != status) {
                let set = |to: usize| {
                    let at = if to == 1 { "NULL" } else { "created_at" };
                    withdrawal(status, &format!("status = {to}, ended_at = {at}"))
                };
                check(&database, &set(other), &set(status), entries);
            }
        }
        check(&database, &withdrawal(2, "fee = fee + 1"), &withdrawal(2, "fee = fee - 1"), entries);
        check(&database, &withdrawal(1, "amount = amount + 1"),
            &withdrawal(1, "amount = amount - 1"), "the locked amount of an account");
        check(&database, &withdrawal(2, "amount = amount + 1"),
            &withdrawal(2, "amount = amount - 1"), "the accounts of an asset sum to its deposits");
        let fee = |change: &str| format!("UPDATE ledger_entries SET {change} WHERE action = 11 OR \
            (action = 1 AND reference_type = 5)");
        check(&database, &fee("action = 1"), &fee("action = 11"), entries);
        database.execute(&format!("DELETE FROM withdrawals WHERE id = {}", nth("withdrawals", 3)));
        let findings = database.findings();
        for expected in [entries, "what administrators did to withdrawals"] {
            assert!(findings.iter().any(|found| found.starts_with(expected)), "{findings:?}");
        }
    }

    async fn damage_to_adjustments_is_found(database: Database) {
        with_engine(&database, async |handle, account| {
            deposit(&handle, account, "p-1").await;
            for units in [5, -3] {
                let command = Command::Adjust { account, amount: Fixed::from_units(units) };
                let origin = Origin { note: Some("a mistake".to_owned()), ..Origin::default() };
                handle.administer(command, origin).await.unwrap();
            }
        })
        .await;
        let second = nth("adjustments", 2);
        let adjustment =
            |change: &str| format!("UPDATE adjustments SET {change} WHERE id = {second}");
        let entries = "an adjustment that was applied is one ledger entry";
        for (damage, repair) in [
            ("amount = amount + 1", "amount = amount - 1"),
            ("user_id = user_id + 1", "user_id = user_id - 1"),
            ("asset_id = 2", "asset_id = 1"),
            ("status = 1", "status = 2"),
            ("status = 3", "status = 2"),
        ] {
            check(&database, &adjustment(damage), &adjustment(repair), entries);
        }
        check(&database, &adjustment("amount = amount + 1"), &adjustment("amount = amount - 1"),
            "the accounts of an asset sum to its deposits");
        check(&database, &adjustment("status = 3"), &adjustment("status = 2"),
            "what administrators did to withdrawals");
        let entry = |change: &str| format!("UPDATE ledger_entries SET {change} WHERE id = \
            (SELECT max(id) FROM ledger_entries)");
        check(&database, &entry("action = 2"), &entry("action = 12"),
            "only deposits, withdrawals, adjustments and an import change");
        let reference = |id: &str| entry(&format!("reference_id = {id}"));
        check(&database, &reference("1"), &reference(&second), entries);
    }
}
