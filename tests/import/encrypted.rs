//! A MySQL server that is reached through an encrypted connection, with a certificate of its own
//! authority.

use std::fs;
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use mysql::prelude::Queryable;
use openssl::asn1::{Asn1Integer, Asn1Time};
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509Name, X509NameRef};

use crate::support::database::Database;
use crate::support::{logs, process};

const START_DEADLINE: Duration = Duration::from_secs(60);
const START_ATTEMPTS: usize = 5;

/// Debian installs the server's programs outside the PATH of users.
fn program(name: &str) -> Command {
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = Command::new(name);
    command.env("PATH", format!("{path}:/usr/sbin:/usr/local/sbin")).arg("--no-defaults");
    command
}

/// A MariaDB server that requires encryption, with the table `users` in the database `shop`.
struct Server {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Server {
    async fn start() -> Self {
        for _ in 0..START_ATTEMPTS {
            if let Some(server) = Self::try_start().await {
                return server;
            }
        }
        panic!("MariaDB did not start");
    }

    /// `None` if another process has taken the port meanwhile.
    async fn try_start() -> Option<Self> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().to_owned();
        let option = |name: &str, file: &str| format!("--{name}={}", path.join(file).display());
        write_certificates(&path);
        let user = Command::new("id").arg("-un").output().unwrap().stdout;
        let user = format!("--user={}", String::from_utf8(user).unwrap().trim());
        let data = option("datadir", "data");
        let created = program("mariadb-install-db")
            .args([&user, &data, "--auth-root-authentication-method=normal", "--skip-test-db"])
            .output()
            .expect("mariadb-install-db is installed");
        assert!(created.status.success(), "{}", String::from_utf8_lossy(&created.stderr));
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let child = program("mariadbd")
            .args([&user, &data, "--bind-address=127.0.0.1"])
            .arg(format!("--port={port}"))
            .arg(option("socket", "socket"))
            .arg(option("ssl-cert", "server.pem"))
            .arg(option("ssl-key", "server.key"))
            .stdout(Stdio::null())
            .stderr(fs::File::create(path.join("log")).unwrap())
            .spawn()
            .expect("mariadbd is installed");
        let mut server = Self { child, port, folder };
        server.becomes_ready().await.then_some(server)
    }

    async fn becomes_ready(&mut self) -> bool {
        let socket = self.folder.path().join("socket").display().to_string();
        let root = mysql::OptsBuilder::new().user(Some("root")).socket(Some(socket));
        let start = Instant::now();
        while start.elapsed() < START_DEADLINE {
            if self.child.try_wait().unwrap().is_some() {
                return false;
            }
            if let Ok(mut connection) = mysql::Conn::new(root.clone()) {
                for statement in [
                    "CREATE DATABASE shop",
                    "CREATE TABLE shop.users (id bigint PRIMARY KEY, name text, email text, \
                     password text)",
                    "INSERT INTO shop.users VALUES (1, 'Ann', 'ann@example.com', NULL)",
                    "CREATE USER reader@'%' REQUIRE SSL",
                    "GRANT SELECT ON shop.* TO reader@'%'",
                ] {
                    connection.query_drop(statement).unwrap();
                }
                return true;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        false
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Writes `authority.pem`, and `server.pem` with `server.key` for 127.0.0.1 but not for localhost.
fn write_certificates(folder: &Path) {
    let (authority_key, server_key) = (new_key(), new_key());
    let name = named("authority");
    let authority = certificate(&name, &name, &authority_key, &authority_key, None);
    let server = certificate(
        &named("server"),
        &name,
        &server_key,
        &authority_key,
        Some(SubjectAlternativeName::new().ip("127.0.0.1")),
    );
    fs::write(folder.join("authority.pem"), authority.to_pem().unwrap()).unwrap();
    fs::write(folder.join("server.pem"), server.to_pem().unwrap()).unwrap();
    let key = server_key.private_key_to_pem_pkcs8().unwrap();
    fs::write(folder.join("server.key"), key).unwrap();
}

fn new_key() -> PKey<Private> {
    PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap()
}

fn named(name: &str) -> X509Name {
    let mut builder = X509Name::builder().unwrap();
    builder.append_entry_by_text("CN", name).unwrap();
    builder.build()
}

/// Without names of a server it is a certificate of an authority.
fn certificate(
    subject: &X509NameRef,
    issuer: &X509NameRef,
    key: &PKey<Private>,
    issuer_key: &PKey<Private>,
    names: Option<&mut SubjectAlternativeName>,
) -> X509 {
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    let serial = BigNum::from_u32(if names.is_some() { 2 } else { 1 }).unwrap();
    builder.set_serial_number(&Asn1Integer::from_bn(&serial).unwrap()).unwrap();
    builder.set_subject_name(subject).unwrap();
    builder.set_issuer_name(issuer).unwrap();
    builder.set_pubkey(key).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(1).unwrap()).unwrap();
    let extension = match names {
        Some(names) => names.build(&builder.x509v3_context(None, None)).unwrap(),
        None => BasicConstraints::new().critical().ca().build().unwrap(),
    };
    builder.append_extension(extension).unwrap();
    builder.sign(issuer_key, MessageDigest::sha256()).unwrap();
    builder.build()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_source_that_requires_encryption_is_read_and_verified() {
    logs::start();
    let server = Server::start().await;
    let authority = server.folder.path().join("authority.pem").display().to_string();
    let trusted = [("SSL_CERT_FILE", authority)];
    for (host, mode, variables, expected) in [
        ("127.0.0.1", "", &[][..], Err(": ERROR 1045 (28000): Access denied for user 'reader'")),
        ("127.0.0.1", "?ssl-mode=required", &[], Ok(())),
        ("127.0.0.1", "?ssl-mode=verify_identity", &[], Err("certificate verify failed")),
        ("127.0.0.1", "?ssl-mode=verify_identity", &trusted, Ok(())),
        ("localhost", "?ssl-mode=verify_identity", &trusted, Err("certificate verify failed")),
    ] {
        let target = Database::sqlite();
        let url = format!("mysql://reader@{host}:{}/shop{mode}", server.port);
        let command = format!("import-laravel --from {url} --apply");
        let (code, output) = process::run(&command, &target.url, variables).await;
        let row = format!("{url}, {variables:?}: {output}");
        match expected {
            Ok(()) => {
                assert_eq!(code, 0, "{row}");
                target.assert("(SELECT email FROM users WHERE id = 1) = 'ann@example.com'");
            }
            Err(reason) => assert!(code == 1 && output.contains(reason), "{row}"),
        }
    }
}
