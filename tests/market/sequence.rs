//! Generates random sequences of commands in batches of random lengths.

use matchcast::market::{
    AdjustmentId, CancelReason, ClientOrderId, Command, CommissionRates, DepositReference,
    Destination, Fixed, MarketId, MarketStatus, NewOrder, OrderId, Rules, SelfTradePrevention,
    Side, TimeInForce, UnixMicros, UserId, UserStatus, WithdrawalEnd, WithdrawalId,
    WithdrawalTerms,
};
use proptest::prelude::*;

use super::world::{ASSETS, PROPOSALS, key};

/// Commands that are executed together, and the commission rates of their orders.
#[derive(Clone, Debug)]
pub struct Batch {
    pub commission: CommissionRates,
    pub limits: Limits,
    /// Of the two markets.
    pub statuses: [MarketStatus; 2],
    /// Of the four users.
    pub user_statuses: [UserStatus; 4],
    pub now: i64,
    pub commands: Vec<Command>,
}

/// What is limited while the commands of a batch are executed.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    pub rules: Rules,
    pub max_fills: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { rules: Rules::NONE, max_fills: usize::MAX }
    }
}

const ONE: i64 = 100_000_000;
const USERS: i64 = 4;

/// A first batch of deposits for every user, then batches of random commands.
pub fn batches() -> impl Strategy<Value = Vec<Batch>> {
    let status = || {
        prop_oneof![
            12 => Just(MarketStatus::Open),
            1 => Just(MarketStatus::CancelOnly),
            1 => Just(MarketStatus::Halted),
        ]
    };
    let user_status = || {
        prop_oneof![
            12 => Just(UserStatus::Active),
            3 => Just(UserStatus::Frozen),
            1 => Just(UserStatus::Closed),
        ]
    };
    let user_statuses = [user_status(), user_status(), user_status(), user_status()];
    let statuses = ([status(), status()], user_statuses);
    let batch = (commission(), limits(), statuses, prop::collection::vec(command(), 1..12));
    let batch = batch.prop_map(|(commission, limits, statuses, commands)| {
        let (statuses, user_statuses) = statuses;
        Batch { commission, limits, statuses, user_statuses, now: 0, commands }
    });
    (first_deposits(), prop::collection::vec(batch, 1..8)).prop_map(|(commands, mut batches)| {
        let (statuses, user_statuses) = ([MarketStatus::Open; 2], [UserStatus::Active; 4]);
        let (commission, limits) = (CommissionRates::NONE, Limits::default());
        let first = Batch { commission, limits, statuses, user_statuses, now: 0, commands };
        batches.insert(0, first);
        for (now, batch) in (0..).zip(&mut batches) {
            batch.now = now;
            batch.commands.iter_mut().for_each(|command| expire_after(now, command));
        }
        batches
    })
}

fn commission() -> impl Strategy<Value = CommissionRates> {
    let rates = prop_oneof![
        6 => Just((1_500_000, 0)),
        2 => Just((1_500_000, 250_000)),
        2 => Just((0, 0)),
        1 => Just((ONE, ONE)),
        1 => Just((33_333_333, 1)),
        1 => Just((1, 33_333_333)),
    ];
    (rates, any::<bool>()).prop_map(|((first, second), is_by_side)| {
        let (first, second) = (Fixed::from_units(first), Fixed::from_units(second));
        match is_by_side {
            true => CommissionRates::BySide { buyer: first, seller: second },
            false => CommissionRates::ByRole { maker: first, taker: second },
        }
    })
}

/// The generated times count from the time of their batch.
fn expire_after(now: i64, command: &mut Command) {
    let later = |order: &mut NewOrder| {
        if let TimeInForce::Gtd(UnixMicros(time)) = &mut order.time_in_force {
            *time += now;
        }
    };
    match command {
        Command::Place(order) => later(order),
        Command::Batch { orders, .. } => {
            let mut changed = orders.to_vec();
            changed.iter_mut().for_each(later);
            *orders = changed.into();
        }
        _ => {}
    }
}

/// Few fills and open orders are common; other rules would reject most of the commands.
fn limits() -> impl Strategy<Value = Limits> {
    let max_fills = prop_oneof![2 => Just(usize::MAX), 3 => 1..=3_usize];
    let max_open_orders = prop_oneof![2 => Just(None), 1 => (0..=3_u32).prop_map(Some)];
    let units = |most: i64| prop_oneof![6 => Just(1_i64), 1 => 1..=most];
    let max_slippage = prop_oneof![2 => Just(ONE / 20), 1 => 0..=ONE / 50];
    (max_fills, max_open_orders, units(ONE), units(3), units(3), max_slippage).prop_map(
        |(max_fills, max_open_orders, min_value, tick_size, lot_size, max_slippage)| {
            let [min_value, tick_size, lot_size] =
                [min_value, tick_size, lot_size].map(Fixed::from_units);
            let max_slippage = Fixed::from_units(max_slippage);
            let rules = Rules { min_value, tick_size, lot_size, max_open_orders, max_slippage };
            Limits { rules, max_fills }
        },
    )
}

/// Most balances are sufficient for many orders; some are close to the maximum.
fn first_deposits() -> impl Strategy<Value = Vec<Command>> {
    let balance = prop_oneof![
        16 => Just(5_000 * ONE),
        1 => Just(i64::MAX - 2 * ONE),
        1 => Just(i64::MAX - 20),
    ];
    let users = (1..=USERS).map(UserId);
    let accounts: Vec<_> = users.flat_map(|user| ASSETS.map(|asset| key(user, asset))).collect();
    prop::collection::vec(balance, accounts.len()).prop_map(move |balances| {
        let pairs = accounts.iter().zip(balances);
        pairs.map(|(account, units)| deposit_command(*account, units, u32::MAX)).collect()
    })
}

fn deposit_command(
    account: matchcast::market::AccountKey,
    units: i64,
    daily_limit: u32,
) -> Command {
    Command::Deposit { account, amount: Fixed::from_units(units), daily_limit }
}

fn command() -> impl Strategy<Value = Command> {
    let cancel = (1..=USERS, 1..=2_i32, 1..=40_i64).prop_map(|(user, market, order)| {
        let (user, market, order) = (UserId(user), MarketId(market), OrderId(order));
        Command::Cancel { user, market, order }
    });
    let deposit = (1..=USERS, prop::sample::select(ASSETS.to_vec()), amount(), 1..=6_u32).prop_map(
        |(user, asset, units, limit)| deposit_command(key(UserId(user), asset), units, limit),
    );
    let assets = prop::sample::select(ASSETS[..2].to_vec());
    // Few of each, so that many are repeated, with the same or with other values.
    let deposit_once =
        (1..=2_i64, assets, 1..=2_i64, "[ab]").prop_map(|(user, asset, units, reference)| {
            Command::DepositOnce {
                account: key(UserId(user), asset),
                amount: Fixed::from_units(units * ONE),
                reference: DepositReference::parse(&reference).unwrap(),
            }
        });
    let side = prop::option::of(prop_oneof![Just(Side::Buy), Just(Side::Sell)]);
    let cancel_all = (1..=USERS, 1..=2_i32, side).prop_map(|(user, market, side)| {
        let (user, market) = (UserId(user), MarketId(market));
        Command::CancelAll { user, market, side, reason: CancelReason::User }
    });
    let place = order().prop_map(Command::Place);
    prop_oneof![
        24 => place,
        6 => cancel,
        1 => cancel_all,
        2 => deposit,
        2 => deposit_once,
        3 => request_withdrawal(),
        5 => end_withdrawal(),
        2 => adjustment(),
        5 => amend(),
        2 => batch(),
        2 => (1..=2_i32).prop_map(|market| Command::Advance { market: MarketId(market) }),
    ]
}

fn request_withdrawal() -> impl Strategy<Value = Command> {
    let assets = prop::sample::select(ASSETS[..2].to_vec());
    let amount = prop_oneof![4 => 1..=3_000 * ONE, 2 => 1..=40_i64, 1 => Just(i64::MAX)];
    let limit = prop::option::of(1..=6_000 * ONE);
    // The minimum is greater than the fee.
    let terms = (0..=20_i64, 1..=20_i64, limit).prop_map(|(fee, more, limit)| WithdrawalTerms {
        min: Fixed::from_units(fee + more),
        fee: Fixed::from_units(fee),
        daily_limit: limit.map(Fixed::from_units),
    });
    (1..=2_i64, assets, amount, terms).prop_map(|(user, asset, units, terms)| {
        Command::RequestWithdrawal {
            account: key(UserId(user), asset),
            amount: Fixed::from_units(units),
            destination: Destination::parse("a bank account").unwrap(),
            terms,
        }
    })
}

/// Of few withdrawals, so that most are there, and several end a second time.
fn end_withdrawal() -> impl Strategy<Value = Command> {
    let assets = prop::sample::select(ASSETS[..2].to_vec());
    let ends = [WithdrawalEnd::Completed, WithdrawalEnd::Rejected, WithdrawalEnd::Cancelled];
    (1..=2_i64, assets, 1..=4_i64, prop::sample::select(ends.to_vec())).prop_map(
        |(user, asset, withdrawal, end)| {
            let account = key(UserId(user), asset);
            Command::EndWithdrawal { account, withdrawal: WithdrawalId(withdrawal), end }
        },
    )
}

fn adjustment() -> impl Strategy<Value = Command> {
    let user = 1..=USERS;
    let amount = (amount(), any::<bool>())
        .prop_map(|(units, is_gain)| Fixed::from_units(if is_gain { units } else { -units }));
    let at_once =
        (user, prop::sample::select(ASSETS.to_vec()), amount).prop_map(|(user, asset, amount)| {
            Command::Adjust { account: key(UserId(user), asset), amount }
        });
    let proposals = prop::sample::select(PROPOSALS.to_vec());
    let approvers = prop::sample::select(vec![None, Some(1)]);
    let approved = (proposals, approvers).prop_map(|((id, user, asset, _), approver)| {
        Command::ApproveAdjustment {
            account: key(user, asset),
            adjustment: AdjustmentId(id),
            approver,
        }
    });
    prop_oneof![at_once, approved]
}

fn amend() -> impl Strategy<Value = Command> {
    let (price, amount) = (prop::option::of(price()), prop::option::of(amount()));
    (1..=USERS, 1..=2_i32, 1..=40_i64, price, amount).prop_map(
        |(user, market, order, price, amount)| Command::Amend {
            user: UserId(user),
            market: MarketId(market),
            order: OrderId(order),
            price: price.map(Fixed::from_units),
            amount: amount.map(Fixed::from_units),
        },
    )
}

/// Of one user, as the API has it.
fn batch() -> impl Strategy<Value = Command> {
    let orders = prop::collection::vec(order(), 1..4);
    (1..=USERS, orders, any::<bool>()).prop_map(|(user, mut orders, is_atomic)| {
        orders.iter_mut().for_each(|order| order.user = UserId(user));
        Command::Batch { orders: orders.into(), is_atomic }
    })
}

fn order() -> impl Strategy<Value = NewOrder> {
    let side = prop_oneof![Just(Side::Buy), Just(Side::Sell)];
    let order = (1..=USERS, 1..=2_i32, side, price(), amount());
    let stop_price = prop_oneof![5 => Just(None), 1 => price().prop_map(Some)];
    let has_quote_amount = prop::bool::weighted(0.5);
    (order, terms(), client_order_id(), stop_price, has_quote_amount).prop_map(
        |((user, market, side, price, amount), terms, client_order_id, stop_price, of_value)| {
            let (time_in_force, post_only, self_trade_prevention, is_market) = terms;
            let may_rest = !is_market && time_in_force.may_rest();
            let has_quote_amount = of_value
                && is_market
                && side == Side::Buy
                && stop_price.is_none()
                && time_in_force != TimeInForce::Fok;
            let cost = Fixed::from_units(price).mul_floor(Fixed::from_units(amount));
            NewOrder {
                user: UserId(user),
                market: MarketId(market),
                side,
                price: (!is_market).then_some(Fixed::from_units(price)),
                amount: Fixed::from_units(amount),
                quote_amount: cost.map(|cost| cost.max(Fixed::UNIT)).filter(|_| has_quote_amount),
                time_in_force,
                stop_price: stop_price.map(Fixed::from_units),
                post_only: post_only && may_rest && stop_price.is_none(),
                self_trade_prevention,
                client_order_id,
            }
        },
    )
}

/// Most orders rest, so that there is a book.
fn terms() -> impl Strategy<Value = (TimeInForce, bool, SelfTradePrevention, bool)> {
    let time_in_force = prop_oneof![
        4 => Just(TimeInForce::Gtc),
        1 => Just(TimeInForce::Ioc),
        1 => Just(TimeInForce::Fok),
        1 => (0..=3_i64).prop_map(|time| TimeInForce::Gtd(UnixMicros(time))),
    ];
    let self_trade_prevention = prop_oneof![
        Just(SelfTradePrevention::CancelNewest),
        Just(SelfTradePrevention::CancelOldest),
        Just(SelfTradePrevention::CancelBoth),
        Just(SelfTradePrevention::Decrement),
    ];
    (time_in_force, prop::bool::weighted(0.1), self_trade_prevention, prop::bool::weighted(0.1))
}

/// Few, so that users use the same one again.
fn client_order_id() -> impl Strategy<Value = Option<ClientOrderId>> {
    prop_oneof![4 => Just(None), 1 => "[ab]{1,2}".prop_map(|text| ClientOrderId::parse(&text))]
}

fn price() -> impl Strategy<Value = i64> {
    prop_oneof![
        // Often equal, sometimes one unit apart.
        6 => (98..=103_i64).prop_map(|whole| whole * ONE),
        1 => (98..=103_i64).prop_map(|whole| whole * ONE + 1),
        // So low that rounding dominates.
        3 => 1..=40_i64,
        1 => 1..=i64::MAX,
        1 => Just(i64::MAX),
    ]
}

fn amount() -> impl Strategy<Value = i64> {
    prop_oneof![
        5 => prop::sample::select(vec![ONE / 2, ONE, 3 * ONE]),
        2 => 1..=3 * ONE,
        2 => 1..=40_i64,
        1 => 1..=i64::MAX,
        1 => Just(i64::MAX),
    ]
}
