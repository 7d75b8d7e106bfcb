//! An HTTP client of the API, as the author of a bot would write it.

use std::net::SocketAddr;
use std::time::Duration;

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::{contract, logs};

/// A common word: it may appear in a log for other reasons, so it is not recorded as a secret.
const DEMO_PASSWORD: &str = "password";

/// A complete response.
#[derive(Clone, Debug)]
pub struct Response {
    pub status: u16,
    pub headers: HeaderMap,
    pub body: String,
}

impl Response {
    /// # Panics
    /// If the body is not JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body)
            .unwrap_or_else(|error| panic!("{error} in {} {}", self.status, self.body))
    }

    /// The field `data` of a response that must be a success.
    pub fn data(&self) -> Value {
        assert!((200..300).contains(&self.status), "{} {}", self.status, self.body);
        self.json()["data"].clone()
    }

    /// The field `code` of an error; empty if it has none.
    pub fn code(&self) -> String {
        self.json()["code"].as_str().unwrap_or_default().to_owned()
    }

    /// The status and the code of an error.
    pub fn refusal(&self) -> (u16, String) {
        (self.status, self.code())
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|value| value.to_str().ok())
    }
}

/// A client with at most one bearer token.
#[derive(Clone)]
pub struct Client {
    http: reqwest::Client,
    address: SocketAddr,
    pub token: Option<String>,
    /// 0 until the client has logged in.
    pub user_id: i64,
}

impl Client {
    pub fn new(address: SocketAddr) -> Self {
        let http = reqwest::Client::builder()
            .no_proxy()
            .timeout(Duration::from_secs(60))
            .build()
            .expect("an HTTP client");
        Self { http, address, token: None, user_id: 0 }
    }

    /// The same user with new connections to another server on the same database.
    pub fn at(&self, address: SocketAddr) -> Self {
        let Self { token, user_id, .. } = self.clone();
        Self { token, user_id, ..Self::new(address) }
    }

    pub async fn log_in(&mut self, email: &str, password: &str) {
        if password != DEMO_PASSWORD {
            logs::record_secret(password);
        }
        let body = serde_json::json!({ "email": email, "password": password });
        let response = self.post("/api/login", &body.to_string()).await;
        self.store_token(&response.data());
    }

    pub async fn register(&mut self, name: &str) {
        let body = serde_json::json!({
            "name": name, "email": format!("{name}@test.example"),
            "password": "password", "password_confirmation": "password",
        });
        let response = self.post("/api/register", &body.to_string()).await;
        self.store_token(&response.data());
    }

    fn store_token(&mut self, data: &Value) {
        self.set_token(data);
        self.user_id = data["user"]["id"].as_i64().expect("a numeric id");
    }

    /// Uses the token in this data from now on.
    pub fn set_token(&mut self, data: &Value) {
        self.token = data["token"].as_str().map(str::to_owned);
        // The part after the bar is the secret.
        if let Some((_, secret)) = self.token.as_ref().and_then(|token| token.split_once('|')) {
            logs::record_secret(secret);
        }
    }

    pub async fn get(&self, path: &str) -> Response {
        self.send(Method::GET, path, &[], Vec::new()).await
    }

    /// Follows the `Link` of a response to a GET of `path`. `None`: it was the last page.
    pub async fn next_page(&self, path: &str, response: &Response) -> Option<Response> {
        let link = response.header("link")?;
        let query = link.strip_prefix('<').and_then(|link| link.strip_suffix(">; rel=\"next\""));
        Some(self.get(&format!("{path}{}", query.expect("a link to the next page"))).await)
    }

    /// Posts JSON.
    pub async fn post(&self, path: &str, body: &str) -> Response {
        let headers = [("content-type", "application/json")];
        self.send(Method::POST, path, &headers, body.as_bytes().to_vec()).await
    }

    /// Posts a form.
    pub async fn post_form(&self, path: &str, body: &str) -> Response {
        let headers = [("content-type", "application/x-www-form-urlencoded")];
        self.send(Method::POST, path, &headers, body.as_bytes().to_vec()).await
    }

    /// # Panics
    /// If the response is incomplete or there is none.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Response {
        self.try_send(method, path, headers, body).await.expect("a complete response")
    }

    /// Returns an error if the server closed the connection.
    pub async fn try_send(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: Vec<u8>,
    ) -> Result<Response, reqwest::Error> {
        let mut request =
            self.http.request(method.clone(), format!("http://{}{path}", self.address));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.body(body).send().await?;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        let response = Response { status, headers, body: response.text().await? };
        contract::check(&method, path, &response);
        Ok(response)
    }

    /// Places an order. Price and amount are inserted into the JSON as they are.
    pub async fn place(&self, symbol: &str, side: &str, price: &str, amount: &str) -> Response {
        let body =
            format!(r#"{{"symbol":"{symbol}","side":"{side}","price":{price},"amount":{amount}}}"#);
        self.post("/api/orders", &body).await
    }

    pub async fn cancel(&self, order: i64) -> Response {
        self.post(&format!("/api/orders/{order}/cancel"), "").await
    }

    /// The available balance in one asset, as the response writes it.
    pub async fn available(&self, symbol: &str) -> String {
        let profile = self.get("/api/profile").await.data();
        if symbol == "USD" {
            return profile["balance"].to_string();
        }
        let assets = profile["asset_balances"].as_array().expect("a list").clone();
        let held = assets.iter().find(|asset| asset["symbol"] == symbol);
        held.map_or_else(|| "0".to_owned(), |asset| asset["amount"].to_string())
    }
}

/// The value of a metric, with its labels as they are written.
pub fn metric(text: &str, name: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    line.parse().ok()
}
