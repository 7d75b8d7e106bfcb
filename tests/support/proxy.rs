//! A cable to PostgreSQL that can be cut at the worst moment: between a commit and its answer.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Passes bytes on, both ways. It ends with the value.
pub struct Proxy {
    /// Leads through here to the database.
    pub url: String,
    armed: Arc<AtomicBool>,
    server: JoinHandle<()>,
}

impl Proxy {
    /// Before the PostgreSQL database of this URL.
    pub async fn start(database_url: &str) -> Self {
        Self::refusing(database_url, 0).await
    }

    /// Cuts so many connections before it passes anything on.
    pub async fn refusing(database_url: &str, refusals: usize) -> Self {
        let (scheme, rest) = database_url.split_once("://").expect("a URL");
        let (authority, path) = rest.split_once('/').expect("a URL with a database");
        let (user, server) = authority.rsplit_once('@').unwrap_or(("postgres", authority));
        let server =
            if server.contains(':') { server.to_owned() } else { format!("{server}:5432") };
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let port = listener.local_addr().expect("it is bound").port();
        let separator = if path.contains('?') { '&' } else { '?' };
        // Encrypted, nobody could see the commit.
        let url = format!("{scheme}://{user}@127.0.0.1:{port}/{path}{separator}sslmode=disable");
        let armed = Arc::new(AtomicBool::new(false));
        let server =
            tokio::spawn(serve(listener, server, armed.clone(), AtomicUsize::new(refusals)));
        Self { url, armed, server }
    }

    /// The next commit reaches the database, its answer reaches nobody, and the cable is cut.
    pub fn cut_at_next_commit(&self) {
        self.armed.store(true, Ordering::SeqCst);
    }

    pub fn has_cut(&self) -> bool {
        !self.armed.load(Ordering::SeqCst)
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
    refusals: AtomicUsize,
) {
    while let Ok((client, _)) = listener.accept().await {
        let left = refusals.load(Ordering::SeqCst);
        if left > 0 {
            refusals.store(left - 1, Ordering::SeqCst);
            continue;
        }
        tokio::spawn(pass_on(client, server.clone(), armed.clone()));
    }
}

async fn pass_on(mut client: TcpStream, server: String, armed: Arc<AtomicBool>) {
    let mut server = TcpStream::connect(server).await.expect("the PostgreSQL server");
    let (mut up, mut down) = (vec![0; 65_536], vec![0; 65_536]);
    loop {
        tokio::select! {
            read = client.read(&mut up) => {
                let len = read.unwrap_or(0);
                if len == 0 || server.write_all(&up[..len]).await.is_err() {
                    return;
                }
                let commits = up[..len].windows(7).any(|word| word == b"COMMIT\0");
                if commits && armed.swap(false, Ordering::SeqCst) {
                    // The answer says that it is done; the client shall not hear it.
                    let _ = server.read(&mut down).await;
                    return;
                }
            }
            read = server.read(&mut down) => {
                let len = read.unwrap_or(0);
                if len == 0 || client.write_all(&down[..len]).await.is_err() {
                    return;
                }
            }
        }
    }
}
