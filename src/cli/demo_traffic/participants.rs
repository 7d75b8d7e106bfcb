//! The users who place the orders.

use std::collections::VecDeque;

use anyhow::Context;
use parking_lot::Mutex;
use rand::Rng;
use rand::distr::Alphanumeric;
use serde_json::json;

use super::api::Api;
use super::instance::{Instance, decimal};
use crate::market::Fixed;

const PASSWORD_CHARS: usize = 32;

/// A user of the server.
pub struct Participant {
    pub id: i64,
    pub token: String,
    pub channel: String,
    /// Registered for this run.
    pub is_temporary: bool,
    /// Available in the beginning: of the base asset and of the quote asset.
    pub funds: (Fixed, Fixed),
    /// Orders that rest as far as is known, oldest first.
    pub resting: Mutex<VecDeque<i64>>,
}

/// Registers users, who get money from the faucet of the demo.
pub async fn register(
    api: &Api,
    instance: &Instance,
    count: u32,
) -> anyhow::Result<Vec<Participant>> {
    let run: u64 = rand::rng().random();
    let mut participants = Vec::new();
    for number in 1..=count {
        let password: String =
            rand::rng().sample_iter(&Alphanumeric).take(PASSWORD_CHARS).map(char::from).collect();
        let body = json!({
            "name": format!("Demo traffic {number}"),
            "email": format!("demo-traffic-{run:016x}-{number}@matchcast.invalid"),
            "password": password,
            "password_confirmation": password,
        });
        let registered = api.post("/register", None, &body).await?;
        let token = registered["token"].as_str().context("a registration has no token")?;
        for currency in [&instance.market.base, &instance.market.quote] {
            api.post("/faucet", Some(token), &json!({ "currency": currency })).await?;
        }
        participants.push(Participant::find(api, instance, token, true).await?);
    }
    Ok(participants)
}

pub async fn of_tokens(
    api: &Api,
    instance: &Instance,
    tokens: &[String],
) -> anyhow::Result<Vec<Participant>> {
    let mut participants: Vec<Participant> = Vec::new();
    for token in tokens {
        let participant = Participant::find(api, instance, token, false).await?;
        let is_new = participants.iter().all(|known| known.id != participant.id);
        anyhow::ensure!(is_new, "two tokens are of the same user: {}", participant.id);
        participants.push(participant);
    }
    Ok(participants)
}

impl Participant {
    async fn find(
        api: &Api,
        instance: &Instance,
        token: &str,
        is_temporary: bool,
    ) -> anyhow::Result<Self> {
        let user = api.get("/user", Some(token)).await?;
        let id = user["id"].as_i64().context("a user has no id")?;
        let balances = api.get("/balances", Some(token)).await?;
        let available = |symbol: &str| {
            let all = balances.as_array().into_iter().flatten();
            let held = all.into_iter().find(|balance| balance["currency"] == symbol);
            held.and_then(|balance| decimal(&balance["available"])).unwrap_or_default()
        };
        Ok(Self {
            id,
            token: token.to_owned(),
            channel: instance.channel.replace("{id}", &id.to_string()),
            is_temporary,
            funds: (available(&instance.market.base), available(&instance.market.quote)),
            resting: Mutex::default(),
        })
    }
}
