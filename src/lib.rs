//! matchcast: a trading backend whose users hear of their trades at once.

pub mod market;
pub mod pusher;
pub mod store;
