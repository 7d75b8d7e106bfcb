//! A TCP proxy in front of PostgreSQL that can close the connection at the worst moment, between a
//! commit and its response, interrupt all connections, or behave like a server that is frozen.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// Forwards bytes in both directions until it is dropped.
pub struct Proxy {
    /// The database URL through the proxy.
    pub url: String,
    armed: Arc<AtomicBool>,
    frozen: watch::Sender<bool>,
    is_down: watch::Sender<bool>,
    server: JoinHandle<()>,
}

impl Proxy {
    /// Starts a proxy in front of the PostgreSQL database with this URL.
    pub async fn start(database_url: &str) -> Self {
        Self::refusing(database_url, 0).await
    }

    /// Closes this many connections before it forwards anything.
    pub async fn refusing(database_url: &str, refusals: usize) -> Self {
        let (scheme, rest) = database_url.split_once("://").expect("a URL");
        let (authority, path) = rest.split_once('/').expect("a URL with a database");
        let (user, server) = authority.rsplit_once('@').unwrap_or(("postgres", authority));
        let server =
            if server.contains(':') { server.to_owned() } else { format!("{server}:5432") };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("the listener is bound").port();
        let separator = if path.contains('?') { '&' } else { '?' };
        // On an encrypted connection the proxy could not recognize the commit.
        let url = format!("{scheme}://{user}@127.0.0.1:{port}/{path}{separator}sslmode=disable");
        let armed = Arc::new(AtomicBool::new(false));
        let (frozen, is_frozen) = watch::channel(false);
        let (is_down, down) = watch::channel(false);
        let refusals = AtomicUsize::new(refusals);
        let listening = serve(listener, server, armed.clone(), is_frozen, refusals, down);
        let server = tokio::spawn(listening);
        Self { url, armed, frozen, is_down, server }
    }

    /// Accepts connections and bytes, and forwards nothing, like a server that is frozen, until the
    /// guard is dropped. Then the connections that hung go on as well.
    pub fn freeze(&self) -> Frozen {
        self.frozen.send_replace(true);
        Frozen(self.frozen.clone())
    }

    /// Closes all connections, and new ones too, until [`Self::restore`].
    pub fn interrupt(&self) {
        self.is_down.send_replace(true);
    }

    pub fn restore(&self) {
        self.is_down.send_replace(false);
    }

    /// Closes the connection after the next commit has reached the database, before its response
    /// reaches the client.
    pub fn disconnect_at_next_commit(&self) {
        self.armed.store(true, Ordering::SeqCst);
    }

    pub fn has_disconnected(&self) -> bool {
        !self.armed.load(Ordering::SeqCst)
    }
}

/// Thaws the proxy when it is dropped.
pub struct Frozen(watch::Sender<bool>);

impl Drop for Frozen {
    fn drop(&mut self) {
        self.0.send_replace(false);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn serve(
    listener: TcpListener,
    server: String,
    armed: Arc<AtomicBool>,
    frozen: watch::Receiver<bool>,
    refusals: AtomicUsize,
    down: watch::Receiver<bool>,
) {
    while let Ok((client, _)) = listener.accept().await {
        if *down.borrow() {
            continue;
        }
        let left = refusals.load(Ordering::SeqCst);
        if left > 0 {
            refusals.store(left - 1, Ordering::SeqCst);
            continue;
        }
        let forwarding = forward(client, server.clone(), armed.clone(), frozen.clone());
        let mut interruption = down.clone();
        let interrupted = async move {
            let _ = interruption.wait_for(|is_down| *is_down).await;
        };
        tokio::spawn(async {
            tokio::select! {
                () = forwarding => {}
                () = interrupted => {}
            }
        });
    }
}

async fn forward(
    mut client: TcpStream,
    server: String,
    armed: Arc<AtomicBool>,
    mut frozen: watch::Receiver<bool>,
) {
    let mut server = TcpStream::connect(server).await.expect("the PostgreSQL server");
    let (mut up, mut down) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let len = read.unwrap_or(0);
                let _ = frozen.wait_for(|frozen| !frozen).await;
                if len == 0 || server.write_all(&up[..len]).await.is_err() {
                    return;
                }
                let commits = up[..len].windows(7).any(|word| word == b"COMMIT\0");
                if commits && armed.swap(false, Ordering::SeqCst) {
                    // This response confirms the commit; the client must not receive it.
                    let _ = server.read(&mut down).await;
                    return;
                }
            }
            read = server.read(&mut down) => {
                let len = read.unwrap_or(0);
                let _ = frozen.wait_for(|frozen| !frozen).await;
                if len == 0 || client.write_all(&down[..len]).await.is_err() {
                    return;
                }
            }
        }
    }
}
