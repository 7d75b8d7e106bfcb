//! Ends connections whose clients do not read.
//!
//! The HTTP server has no timeout for writes: it waits until the client reads or the connection
//! ends. So a connection that the provider has given up would stay open. The kernel ends it.

use std::any::Any;
use std::time::Duration;

use actix_web::dev::Extensions;
use actix_web::rt::net::TcpStream;
use socket2::SockRef;

/// For `HttpServer::on_connect`: ends a connection, also one with ordinary HTTP, when its client
/// has taken no data for this time although there is some. Has no effect where the operating system
/// lacks `TCP_USER_TIMEOUT`.
pub fn end_stalled_connections(
    timeout: Duration,
) -> impl Fn(&dyn Any, &mut Extensions) + Clone + Send + Sync + 'static {
    move |connection, _| {
        if let Some(stream) = connection.downcast_ref::<TcpStream>() {
            set_timeout(&SockRef::from(stream), timeout);
        }
    }
}

#[cfg(target_os = "linux")]
fn set_timeout(socket: &SockRef<'_>, timeout: Duration) {
    // Fails only if the connection has ended already.
    let _ = socket.set_tcp_user_timeout(Some(timeout));
}

#[cfg(not(target_os = "linux"))]
fn set_timeout(_: &SockRef<'_>, _: Duration) {}
