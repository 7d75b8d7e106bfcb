//! The size of events.

use super::{EventSettings, ExecutedBatch, Records, of_batch};
use crate::events::models::{UserRow, Users};
use crate::events::{
    MatchedShape, Model, NewEvent, OwnColumn, ProfileColumn, UserChannelKinds, UserChannels,
};
use crate::market::{
    Account, AccountKey, Action, AssetId, ClientOrderId, CommissionRates, Done, Entry,
    FilledValues, Fixed, Market, MarketId, Order, OrderId, OrderRates, OrderType, PlacedOrder,
    Plan, Reference, Rules, SelfTradePrevention, Side, State, Status, Stop, TimeInForce, Trade,
    TradeId, UserId, UserStatus,
};
use crate::store::markets::Catalog;
use crate::store::now;
use crate::store::webhook_endpoints::Subscriptions;

const LAST: i64 = i64::MAX;
const MARKET: MarketId = MarketId(i32::MAX);
const USER: UserId = UserId(LAST);
const ASSET: AssetId = AssetId(i32::MAX);
/// The number with the most digits.
const MOST: Fixed = Fixed::MAX;

fn catalog() -> Catalog {
    let symbol = "ABCDEFGHIJKLMNOP".to_owned();
    let market = Market {
        id: MARKET,
        symbol: symbol.clone(),
        base: ASSET,
        quote: ASSET,
        commission: CommissionRates::NONE,
        rules: Rules::NONE,
    };
    Catalog { markets: [(MARKET, market)].into(), assets: [(ASSET, symbol)].into() }
}

/// A partially filled order, its trade and an account, all with the longest numbers.
fn plan() -> Plan {
    let order = Order {
        id: OrderId(LAST),
        arrival: LAST,
        user: USER,
        market: MARKET,
        side: Side::Sell,
        order_type: OrderType::Limit,
        time_in_force: TimeInForce::Gtc,
        post_only: false,
        self_trade_prevention: SelfTradePrevention::Decrement,
        stop: Some(Stop { price: MOST, is_waiting: true }),
        is_amended: true,
        price: MOST,
        amount: MOST,
        quote_amount: Some(MOST),
        filled: MOST,
        prevented: MOST,
        filled_values: FilledValues { maker: Fixed::ZERO, taker: MOST },
        commission: MOST,
        rates: OrderRates { maker: MOST, taker: MOST },
        reserved: MOST,
        status: Status::Open,
        cancel_reason: None,
        client_order_id: ClientOrderId::parse(&"~".repeat(ClientOrderId::MAX_LEN)),
    };
    let trade = Trade {
        id: TradeId(LAST),
        market: MARKET,
        sequence: LAST,
        buy_order: order.id,
        sell_order: order.id,
        buyer: USER,
        seller: USER,
        price: MOST,
        amount: MOST,
        value: MOST,
        buyer_commission: MOST,
        seller_commission: MOST,
        taker_side: Side::Sell,
    };
    let entry = Entry {
        account: AccountKey { user: USER, asset: ASSET },
        action: Action::TradeCompleted,
        available_change: MOST,
        locked_change: MOST,
        available_after: MOST,
        reference: Reference::Trade(0),
    };
    let placed = PlacedOrder { order, trades: 0..1, prevented: Vec::new() };
    Plan {
        outcomes: vec![Ok(Done::Placed(placed))],
        new_orders: vec![order],
        changed_orders: Vec::new(),
        trades: vec![trade],
        entries: vec![entry],
        ..Plan::default()
    }
}

fn events(settings: &EventSettings, users: &Users) -> Vec<NewEvent> {
    let mut state = State::default();
    let account = Account {
        id: LAST,
        available: MOST,
        locked: MOST,
        open_orders: u32::MAX,
        user_status: UserStatus::Active,
    };
    state.ledger.insert(AccountKey { user: USER, asset: ASSET }, account);
    let (plan, catalog) = (plan(), catalog());
    let batch = ExecutedBatch {
        state: &state,
        plan: &plan,
        catalog: &catalog,
        records: &Records::default(),
        users,
        sockets: &[],
        subscriptions: &Subscriptions::default(),
        at: now(),
    };
    of_batch(settings, &batch).new_events.events
}

#[test]
fn events_with_the_longest_numbers_stay_far_below_the_size_limit() {
    let kinds = UserChannelKinds::Both;
    let settings = EventSettings {
        order_updated: true,
        balance_updated: true,
        trade_executed: true,
        user_channels: UserChannels { kinds, ..UserChannels::default() },
        ..EventSettings::default()
    };
    let events = events(&settings, &Users::new());
    // Two counterparties, one order and one account on two channels each; one public channel.
    assert_eq!(events.len(), 4 + 2 + 2 + 1);
    for event in &events {
        assert!(event.data.len() < 600, "{}: {}", event.data.len(), event.data);
    }
}

#[test]
fn models_of_users_with_the_longest_names_fit_into_an_event() {
    let at = now();
    // Each of these characters has six in JSON.
    let row = UserRow {
        id: USER,
        name: "\u{1}".repeat(255),
        email: "\u{1}".repeat(255),
        email_verified_at: Some(at),
        created_at: at,
        updated_at: at,
        balance: MOST,
        locked_balance: MOST,
        assets: Vec::new(),
    };
    let matched_shape = MatchedShape {
        include: Model::ALL.to_vec(),
        own_columns: OwnColumn::ALL.to_vec(),
        counterparty_columns: ProfileColumn::ALL.to_vec(),
        ..MatchedShape::default()
    };
    let settings = EventSettings { matched_shape, ..EventSettings::default() };
    let events = events(&settings, &[(USER, row)].into());
    assert_eq!(events.len(), 2);
    for event in &events {
        // The limit of encrypted channels, which is lower than that of others.
        assert!((6_000..7_619).contains(&event.data.len()), "{}", event.data.len());
    }
}
