//! Requests to the API of the server, as any client would send them.

use std::time::Duration;

use anyhow::Context;
use reqwest::{Method, Url};
use serde_json::Value;

/// Longer than a server works on a request.
const TIMEOUT: Duration = Duration::from_secs(15);

/// The API of one server. Cheap to clone.
#[derive(Clone)]
pub struct Api {
    http: reqwest::Client,
    root: Url,
}

/// A complete response.
pub struct Answer {
    pub status: u16,
    /// Null if it is not JSON.
    pub body: Value,
    /// The query of the next page of a list.
    pub next: Option<String>,
}

impl Answer {
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The code of an error; its status if it has none.
    pub fn code(&self) -> String {
        let code = self.body["code"].as_str();
        code.map_or_else(|| self.status.to_string(), str::to_owned)
    }

    /// # Errors
    /// If it is an error, with its text.
    pub fn data(mut self) -> anyhow::Result<Value> {
        let message = self.body["message"].as_str().unwrap_or("no message");
        anyhow::ensure!(self.is_success(), "status {}: {message}", self.status);
        Ok(self.body["data"].take())
    }
}

impl Api {
    pub fn new(url: &str) -> anyhow::Result<Self> {
        let root = Url::parse(url).with_context(|| format!("{url} is not a URL"))?;
        let is_http = matches!(root.scheme(), "http" | "https") && root.has_host();
        anyhow::ensure!(is_http, "{url} is not a URL that begins with http:// or https://");
        let http = reqwest::Client::builder().timeout(TIMEOUT).build()?;
        Ok(Self { http, root })
    }

    /// The address of the server.
    pub fn root(&self) -> &Url {
        &self.root
    }

    /// Sends a request for a path under `/api`.
    ///
    /// # Errors
    /// If there is no complete response. The server may have executed the request.
    pub async fn send(
        &self,
        method: Method,
        path: &str,
        token: Option<&str>,
        body: Option<&Value>,
    ) -> Result<Answer, reqwest::Error> {
        let root = self.root.as_str().trim_end_matches('/');
        let mut request = self.http.request(method, format!("{root}/api{path}"));
        request = request.header("accept", "application/json");
        if let Some(token) = token {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.header("content-type", "application/json").body(body.to_string());
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let link = response.headers().get("link").and_then(|link| link.to_str().ok());
        let next =
            link.and_then(|link| Some(link.split_once('<')?.1.split_once('>')?.0.to_owned()));
        let body = serde_json::from_slice(&response.bytes().await?).unwrap_or_default();
        Ok(Answer { status, body, next })
    }

    pub async fn get(&self, path: &str, token: Option<&str>) -> anyhow::Result<Value> {
        let answer = self.send(Method::GET, path, token, None).await;
        let answer = answer.with_context(|| format!("GET {path}"))?;
        answer.data().with_context(|| format!("GET {path}"))
    }

    pub async fn post(
        &self,
        path: &str,
        token: Option<&str>,
        body: &Value,
    ) -> anyhow::Result<Value> {
        let answer = self.send(Method::POST, path, token, Some(body)).await;
        let answer = answer.with_context(|| format!("POST {path}"))?;
        answer.data().with_context(|| format!("POST {path}"))
    }
}
