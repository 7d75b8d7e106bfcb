//! A receiver of webhooks on a free port: records the requests, and responds as it is told.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::http::StatusCode;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use parking_lot::Mutex;
use serde_json::Value;
use sha2::Sha256;

/// A request that arrived.
#[derive(Clone, Debug)]
pub struct Received {
    /// The header `webhook-id`.
    pub id: String,
    pub timestamp: String,
    pub signatures: Vec<String>,
    pub body: String,
}

impl Received {
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("the body is JSON")
    }

    /// Whether one of the signatures is made with this secret, computed independently.
    pub fn is_signed_with(&self, secret: &str) -> bool {
        let key = STANDARD.decode(secret.strip_prefix("whsec_").expect("a prefix"));
        let mut mac = Hmac::<Sha256>::new_from_slice(&key.expect("base64")).expect("any length");
        mac.update(format!("{}.{}.{}", self.id, self.timestamp, self.body).as_bytes());
        let expected = format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()));
        self.signatures.contains(&expected)
    }
}

/// How it responds.
#[derive(Clone, Debug)]
pub struct Behaviour {
    pub status: u16,
    pub location: Option<String>,
    pub delay: Duration,
}

#[derive(Clone)]
struct State {
    received: Arc<Mutex<Vec<Received>>>,
    behaviour: Arc<Mutex<Behaviour>>,
}

/// It stops when it is dropped.
pub struct Receiver {
    pub address: SocketAddr,
    state: State,
    handle: ServerHandle,
}

impl Receiver {
    pub async fn start() -> Self {
        let behaviour = Behaviour { status: 200, location: None, delay: Duration::ZERO };
        let state = State { received: Arc::default(), behaviour: Arc::new(Mutex::new(behaviour)) };
        let (started, starting) = tokio::sync::oneshot::channel();
        let data = web::Data::new(state.clone());
        std::thread::spawn(move || {
            actix_web::rt::System::new().block_on(async move {
                let app =
                    move || App::new().app_data(data.clone()).default_service(web::to(receive));
                let server = HttpServer::new(app).workers(1).disable_signals();
                let server = server.shutdown_timeout(0).bind("127.0.0.1:0").expect("a free port");
                let address = server.addrs()[0];
                let server = server.run();
                let _ = started.send((address, server.handle()));
                server.await.expect("the receiver serves");
            });
        });
        let (address, handle) = starting.await.expect("the receiver starts");
        Self { address, state, handle }
    }

    pub fn url(&self) -> String {
        format!("http://{}/webhooks", self.address)
    }

    pub fn received(&self) -> Vec<Received> {
        self.state.received.lock().clone()
    }

    pub fn respond_with(&self, status: u16) {
        self.state.behaviour.lock().status = status;
    }

    pub fn redirect_to(&self, url: &str) {
        let mut behaviour = self.state.behaviour.lock();
        (behaviour.status, behaviour.location) = (302, Some(url.to_owned()));
    }

    pub fn delay_by(&self, delay: Duration) {
        self.state.behaviour.lock().delay = delay;
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}

async fn receive(request: HttpRequest, body: String, state: web::Data<State>) -> HttpResponse {
    let header = |name: &str| {
        let value = request.headers().get(name).and_then(|value| value.to_str().ok());
        value.unwrap_or_default().to_owned()
    };
    let received = Received {
        id: header("webhook-id"),
        timestamp: header("webhook-timestamp"),
        signatures: header("webhook-signature").split(' ').map(str::to_owned).collect(),
        body,
    };
    state.received.lock().push(received);
    let Behaviour { status, location, delay } = state.behaviour.lock().clone();
    tokio::time::sleep(delay).await;
    let mut response = HttpResponse::build(StatusCode::from_u16(status).expect("a status"));
    if let Some(location) = location {
        response.insert_header(("location", location));
    }
    response.finish()
}
