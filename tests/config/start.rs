//! What a started process tells operators and pages about the provider.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

const CREDENTIALS: [(&str, &str); 3] =
    [("PUSHER_APP_ID", "1"), ("PUSHER_APP_KEY", "k"), ("PUSHER_APP_SECRET", "s")];

/// A server in an empty folder, which ends with the value.
struct Server {
    child: Child,
    _folder: tempfile::TempDir,
}

impl Server {
    fn start(variables: &[(&str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_matchcast"));
        command.current_dir(folder.path()).env_clear();
        command.envs([("PORT", "0"), ("DATABASE_URL", "sqlite://test.sqlite")]);
        command.env("MATCHCAST__DEMO__TRADERS", "false");
        command.envs(variables.iter().copied());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        Self { child: command.spawn().unwrap(), _folder: folder }
    }

    /// Waits until the server listens, and returns the address that it prints.
    fn address(&mut self) -> String {
        let mut lines = BufReader::new(self.child.stdout.take().unwrap()).lines();
        let greeting = lines.next().unwrap().unwrap();
        let (_, address) = greeting.split_once("http://").unwrap();
        address.to_owned()
    }

    /// Ends the server once it listens, and returns its log.
    fn log(mut self) -> String {
        self.address();
        self.child.kill().unwrap();
        let mut log = String::new();
        self.child.stderr.take().unwrap().read_to_string(&mut log).unwrap();
        log
    }

    /// `GET /api/config`.
    fn settings(&mut self) -> Value {
        let mut stream = TcpStream::connect(self.address()).unwrap();
        stream.write_all(b"GET /api/config HTTP/1.0\r\nHost: localhost\r\n\r\n").unwrap();
        let mut response = String::new();
        stream.read_to_string(&mut response).unwrap();
        let (_, body) = response.split_once("\r\n\r\n").unwrap();
        let body: Value = serde_json::from_str(body).unwrap();
        body["data"].clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        self.child.wait().unwrap();
    }
}

#[test]
fn the_log_says_where_events_go() {
    for (connection, host, expected) in [
        ("log", "", "events go to the log"),
        ("null", "", "events are discarded"),
        ("embedded", "", "events go to the embedded provider"),
        ("pusher", "", "events go to the provider"),
        ("pusher", "ws.example", "https://ws.example"),
    ] {
        let mut variables = CREDENTIALS.to_vec();
        variables.extend([("BROADCAST_CONNECTION", connection), ("PUSHER_HOST", host)]);
        let log = Server::start(&variables).log();
        let line = log.lines().find(|line| line.contains("events ")).unwrap_or_default();
        assert!(line.contains(expected), "{connection}: {log}");
    }
}

#[test]
fn pages_receive_the_public_address_of_the_provider() {
    let private = [("PUSHER_HOST", "sockudo"), ("PUSHER_PORT", "6001"), ("PUSHER_SCHEME", "http")];
    for (public, expected) in [
        (vec![], ("sockudo", Value::from(6001), false)),
        (vec![("PUSHER_PUBLIC_HOST", "ws.example")], ("ws.example", Value::from(6001), false)),
        (
            vec![("PUSHER_PUBLIC_HOST", "ws.example"), ("PUSHER_PUBLIC_SCHEME", "https")],
            ("ws.example", Value::Null, true),
        ),
        (vec![("PUSHER_PUBLIC_PORT", "6002")], ("sockudo", Value::from(6002), false)),
    ] {
        let variables: Vec<_> = CREDENTIALS.into_iter().chain(private).chain(public).collect();
        let settings = Server::start(&variables).settings();
        let (host, port, tls) = expected;
        assert_eq!(
            (&settings["host"], &settings["port"], &settings["tls"]),
            (&Value::from(host), &port, &Value::from(tls)),
            "{settings}"
        );
    }
}
