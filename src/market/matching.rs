//! Matches an incoming order with the other side of the book.

use std::collections::BTreeMap;

use super::execute::{Execution, account};
use super::order::Fill;
use super::{
    AccountKey, Action, CancelReason, Fixed, Market, MarketId, Order, OrderType, PreventedTrade,
    Reference, Role, SelfTradePrevention, Side, Status, TimeInForce, Trade, TradeId, UserId,
};

/// One fill between two orders, before it changes an account.
struct Match {
    buy: Order,
    bought: Fill,
    sell: Order,
    sold: Fill,
    amount: Fixed,
    value: Fixed,
}

impl Match {
    /// At the maker's price. `None` if the sum of an order's fills would be out of range.
    fn new(taker: &Order, maker: &Order, amount: Fixed) -> Option<Self> {
        let value = maker.price.mul_floor(amount).expect("a fill is worth no more than its order");
        let (taken, spent_by_taker) = taker.filled_with(amount, value, Role::Taker)?;
        let (made, spent_by_maker) = maker.filled_with(amount, value, Role::Maker)?;
        Some(match taker.side {
            Side::Buy => Self {
                buy: taken,
                bought: spent_by_taker,
                sell: made,
                sold: spent_by_maker,
                amount,
                value,
            },
            Side::Sell => Self {
                buy: made,
                bought: spent_by_maker,
                sell: taken,
                sold: spent_by_taker,
                amount,
                value,
            },
        })
    }

    fn taker(&self, side: Side) -> Order {
        match side {
            Side::Buy => self.buy,
            Side::Sell => self.sell,
        }
    }

    fn proceeds(&self) -> Fixed {
        self.value.checked_sub(self.sold.commission).expect("commission is part of the value")
    }

    fn commission(&self) -> Option<Fixed> {
        self.bought.commission.checked_add(self.sold.commission)
    }
}

impl Execution<'_> {
    /// Fills `taker` from the other side of the book, as far as its terms allow. What may not rest
    /// is cancelled.
    pub(super) fn match_incoming(&mut self, taker: &mut Order) -> Vec<PreventedTrade> {
        let mut prevented = Vec::new();
        if taker.time_in_force == TimeInForce::Fok && !self.fills_completely(taker) {
            self.close(taker, CancelReason::Fok);
            return prevented;
        }
        while taker.status == Status::Open {
            let book = self.state.books.entry(taker.market).or_default();
            let Some(maker_id) = book.next_match(taker.side.opposite(), taker.price) else { break };
            let mut maker = self.state.orders[&maker_id];
            if maker.user == taker.user {
                let amount = taker.remaining().min(maker.remaining());
                prevented.push(PreventedTrade { maker: maker_id, price: maker.price, amount });
                self.prevent(taker, &mut maker, amount);
            } else if self.fill_amount(taker, &maker).is_zero() {
                self.end_unaffordable(taker);
            } else if self.trades.len() >= self.max_fills {
                self.close(taker, CancelReason::FillLimit);
            } else if self.trade(taker, &mut maker).is_none() {
                self.close(taker, CancelReason::OutOfRange);
            } else {
                self.update_resting(maker);
            }
        }
        if taker.status == Status::Open {
            self.end_or_rest(taker);
        }
        prevented
    }

    /// The smaller remaining amount, or what the taker can afford at the maker's price.
    fn fill_amount(&self, taker: &Order, maker: &Order) -> Fixed {
        let lot_size = self.market(taker.market).rules.lot_size;
        taker.affordable(maker.price, lot_size).min(maker.remaining())
    }

    /// The taker's cost is limited, and not even a lot more is within the limit.
    fn end_unaffordable(&mut self, taker: &mut Order) {
        if taker.filled.is_zero() || taker.prevented.is_positive() {
            self.close(taker, CancelReason::Ioc);
            return;
        }
        let unspent = taker.fill_as_far_as_affordable();
        if unspent.is_positive() {
            let reserved_in = self.reserved_in(taker);
            self.state.ledger.release(reserved_in, Action::OrderRefund, unspent, taker.id);
        }
    }

    /// Nothing matches any more.
    fn end_or_rest(&mut self, taker: &mut Order) {
        let is_beyond_bound = taker.order_type == OrderType::Market
            && self.best_price(taker.market, taker.side.opposite()).is_some();
        match taker.time_in_force {
            TimeInForce::Gtc | TimeInForce::Gtd(_) => {}
            TimeInForce::Fok => unreachable!("it fills completely, or was cancelled before"),
            TimeInForce::Ioc if is_beyond_bound => self.close(taker, CancelReason::Slippage),
            TimeInForce::Ioc => self.close(taker, CancelReason::Ioc),
        }
    }

    /// Both orders are of the same user.
    fn prevent(&mut self, taker: &mut Order, maker: &mut Order, amount: Fixed) {
        match taker.self_trade_prevention {
            SelfTradePrevention::CancelNewest => self.close(taker, CancelReason::SelfTrade),
            SelfTradePrevention::CancelOldest => self.cancel_maker(maker),
            SelfTradePrevention::CancelBoth => {
                self.cancel_maker(maker);
                self.close(taker, CancelReason::SelfTrade);
            }
            SelfTradePrevention::Decrement => {
                for order in [&mut *taker, &mut *maker] {
                    let released = order.prevent(amount);
                    let reserved_in = self.reserved_in(order);
                    let ledger = &mut self.state.ledger;
                    if released.is_positive() {
                        ledger.release(reserved_in, Action::OrderCancelled, released, order.id);
                    }
                }
                self.update_resting(*maker);
            }
        }
    }

    fn cancel_maker(&mut self, maker: &mut Order) {
        self.close(maker, CancelReason::SelfTrade);
        self.update_resting(*maker);
    }

    /// Stores a resting order that was changed, and removes it from the book unless it is open.
    pub(super) fn update_resting(&mut self, order: Order) {
        if order.status != Status::Open {
            let base = self.base_account(&order);
            self.state.ledger.count_open_order(base, false);
            let book = self.state.books.entry(order.market).or_default();
            book.remove(&order);
        }
        self.changed.insert(order.id);
        self.state.orders.insert(order.id, order);
    }

    /// Whether the order would fill completely now. Decides like [`Self::match_incoming`], without
    /// changing anything.
    fn fills_completely(&self, taker: &Order) -> bool {
        let Market { base, quote, id, .. } = *self.market(taker.market);
        let mut taker = *taker;
        let mut credits: BTreeMap<AccountKey, Fixed> = BTreeMap::new();
        let house = account(id.house(), quote);
        credits.insert(house, self.commission.get(&id).copied().unwrap_or_default());
        let mut fills = self.trades.len();
        let Order { user, market, side, price, .. } = taker;
        for maker in self.makers(user, market, side, price, taker.remaining()) {
            if maker.user == taker.user {
                match taker.self_trade_prevention {
                    SelfTradePrevention::CancelOldest => continue,
                    _ => return false,
                }
            }
            let amount = self.fill_amount(&taker, maker);
            let Some(next) = Match::new(&taker, maker, amount) else { return false };
            let Some(commission) = next.commission() else { return false };
            for (key, credit) in [
                (account(next.buy.user, base), next.amount),
                (account(next.sell.user, quote), next.proceeds()),
                (house, commission),
            ] {
                let sum = credits.entry(key).or_default();
                let Some(credited) = sum.checked_add(credit) else { return false };
                *sum = credited;
                if !self.state.ledger.can_credit(key, credited) {
                    return false;
                }
            }
            fills = fills.saturating_add(1);
            if fills > self.max_fills {
                return false;
            }
            taker = next.taker(taker.side);
            if taker.status == Status::Filled {
                return true;
            }
        }
        false
    }

    /// The resting orders that an incoming order of this user would meet until `amount` is covered
    /// by orders of others, in order of priority.
    pub(super) fn makers(
        &self,
        user: UserId,
        market: MarketId,
        side: Side,
        limit: Fixed,
        amount: Fixed,
    ) -> impl Iterator<Item = &Order> {
        let book = self.state.books.get(&market).into_iter();
        let ids = book.flat_map(move |book| book.matches(side.opposite(), limit));
        let mut wanted = amount;
        ids.map(|id| &self.state.orders[&id]).take_while(move |maker| {
            let is_wanted = wanted.is_positive();
            if maker.user != user {
                wanted = wanted.checked_sub(maker.remaining()).unwrap_or_default();
            }
            is_wanted
        })
    }

    pub(super) fn would_match(&mut self, order: &Order) -> bool {
        let book = self.state.books.entry(order.market).or_default();
        book.next_match(order.side.opposite(), order.price).is_some()
    }

    /// The price of the next resting order of this side.
    pub(super) fn best_price(&mut self, market: MarketId, resting: Side) -> Option<Fixed> {
        let book = self.state.books.entry(market).or_default();
        let best = book.next_match(resting, resting.opposite().any_price())?;
        Some(self.state.orders[&best].price)
    }

    /// One fill.
    ///
    /// Returns `None` and changes nothing if the fill would take a balance, or the sum of an
    /// order's fills, out of range.
    fn trade(&mut self, taker: &mut Order, maker: &mut Order) -> Option<()> {
        let fill = Match::new(taker, maker, self.fill_amount(taker, maker))?;
        let commission = fill.commission()?;
        let proceeds = fill.proceeds();
        let Match { buy, bought, sell, sold, amount, value } = fill;
        let reference = Reference::Trade(self.trades.len());
        let Market { id: market, base, quote, .. } = *self.market(buy.market);
        let collected = self.commission.get(&market).copied().unwrap_or_default();
        let collected = collected.checked_add(commission)?;
        let credits = [
            (account(buy.user, base), amount),
            (account(sell.user, quote), proceeds),
            (account(market.house(), quote), collected),
        ];
        if !credits.iter().all(|(key, credit)| self.state.ledger.can_credit(*key, *credit)) {
            return None;
        }

        let paid = bought.spent.negated();
        let ledger = &mut self.state.ledger;
        let done = Action::TradeCompleted;
        ledger.post(account(buy.user, quote), done, Fixed::ZERO, paid, reference);
        if bought.refund.is_positive() {
            let buyer = account(buy.user, quote);
            ledger.release(buyer, Action::OrderRefund, bought.refund, buy.id);
        }
        ledger.post(account(buy.user, base), done, amount, Fixed::ZERO, reference);
        ledger.post(account(sell.user, base), done, Fixed::ZERO, amount.negated(), reference);
        ledger.post(account(sell.user, quote), done, proceeds, Fixed::ZERO, reference);

        self.commission.insert(market, collected);
        let state = self.market_state(market);
        state.trades = state.trades.checked_add(1).expect("no market sees 2^63 trades");
        let sequence = state.trades;
        self.trades.push(Trade {
            id: TradeId(0),
            market,
            sequence,
            buy_order: buy.id,
            sell_order: sell.id,
            buyer: buy.user,
            seller: sell.user,
            price: maker.price,
            amount,
            value,
            buyer_commission: bought.commission,
            seller_commission: sold.commission,
            taker_side: taker.side,
        });
        match taker.side {
            Side::Buy => (*taker, *maker) = (buy, sell),
            Side::Sell => (*taker, *maker) = (sell, buy),
        }
        Some(())
    }
}
