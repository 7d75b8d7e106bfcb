//! The traders of the demo and their market, and the commands for what they decide.

use super::maker::{Change, Quote};
use super::scale::Scale;
use super::taker::Intent;
use crate::market::{CancelReason, Command, Fixed, Market, NewOrder, TimeInForce, UserId};
use crate::store::demo_traders::{RestingOrder, Trader, TraderRole};

/// What each taker begins with of the base asset, in whole units.
pub(super) const TAKER_AMOUNT: i64 = 500;

pub(super) const fn whole(count: i64) -> Fixed {
    Fixed::from_units(Fixed::ONE.units() * count)
}

/// The traders and their market.
#[derive(Clone, Debug)]
pub struct Team {
    pub market: Market,
    pub(super) scale: Scale,
    pub(super) members: Vec<Trader>,
    pub(super) maker: UserId,
    /// At least one.
    pub(super) takers: Vec<UserId>,
}

impl Team {
    pub(super) fn new(market: &Market, members: Vec<Trader>) -> Option<Self> {
        let of = |role| members.iter().filter(move |trader| trader.role == role);
        let maker = of(TraderRole::Maker).map(|trader| trader.user).next()?;
        let takers: Vec<UserId> = of(TraderRole::Taker).map(|trader| trader.user).collect();
        if takers.is_empty() {
            return None;
        }
        let (market, scale) = (market.clone(), Scale::of(&market.rules));
        Some(Self { market, scale, members, maker, takers })
    }

    /// The users whose private events nobody can receive.
    pub fn users(&self) -> impl Iterator<Item = UserId> {
        self.members.iter().map(|trader| trader.user)
    }

    /// What each taker had of the base asset in the beginning.
    pub(super) const fn first_amount() -> Fixed {
        whole(TAKER_AMOUNT)
    }

    pub(super) fn quote(&self, order: &RestingOrder) -> Quote {
        let RestingOrder { id, side, price } = *order;
        Quote { order: id, side, price: self.scale.steps_of(price, side) }
    }

    /// The maker's command, with sizes multiplied. `None`: a number is out of range.
    pub(super) fn maker_command(&self, change: Change, factor: i64) -> Option<Command> {
        let (user, market) = (self.maker, self.market.id);
        Some(match change {
            Change::Place { side, price, size } => {
                let amount = self.scale.amount(size.checked_mul(factor)?)?;
                let price = self.scale.price(price)?;
                Command::Place(NewOrder::gtc(user, market, side, price, amount))
            }
            Change::Move { order, price } => {
                let price = Some(self.scale.price(price)?);
                Command::Amend { user, market, order, price, amount: None }
            }
            Change::Withdraw { order } => Command::Cancel { user, market, order },
        })
    }

    /// A taker's command, like [`Self::maker_command`].
    pub(super) fn taker_command(
        &self,
        user: UserId,
        intent: Intent,
        factor: i64,
    ) -> Option<Command> {
        let amount = self.scale.amount(intent.size.checked_mul(factor)?)?;
        let price = self.scale.price(intent.limit)?;
        let order = NewOrder::gtc(user, self.market.id, intent.side, price, amount);
        Some(Command::Place(NewOrder { time_in_force: TimeInForce::Ioc, ..order }))
    }

    /// Cancels the maker's quotes.
    pub(super) fn withdrawal(&self) -> Command {
        let (user, market) = (self.maker, self.market.id);
        Command::CancelAll { user, market, side: None, reason: CancelReason::User }
    }
}
