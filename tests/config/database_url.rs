//! `DATABASE_URL`: malformed parts, and databases on other machines.

use crate::{PRODUCTION, check_error, read};

#[test]
fn an_invalid_part_of_the_url_is_named_and_not_printed() {
    for (url, part) in [
        ("postgres://app:s3ntinel%3&x@127.0.0.1/db", "password"),
        ("postgres://app:s3ntinel%@127.0.0.1/db", "password"),
        ("postgres://app:s3ntinel%00@127.0.0.1/db", "password"),
        ("postgres://app:%zzs3ntinel@127.0.0.1/db", "password"),
        ("postgres://s3ntinel%:x@127.0.0.1/db", "user"),
        ("postgres://app:1@s3ntinel@127.0.0.1/db", "password"),
        ("postgres://app:1/s3ntinel@127.0.0.1/db", "password"),
        ("postgres://app:x@s3ntinel%/db", "host"),
        ("postgres://app:x@s3nti nel/db", "host"),
        ("postgres://app:x@[::1/s3ntinel", "host"),
        ("postgres://app:s3ntinel", "port"),
        ("postgres://app:x@127.0.0.1:s3ntinel/db", "port"),
        ("postgres://app:x@127.0.0.1:70000/db", "port"),
        ("postgres://app:x@127.0.0.1/s3ntinel%2", "database"),
        ("postgres://app@127.0.0.1/db?password=1&s3ntinel", "parameter"),
        ("postgres://app@127.0.0.1/db?password=1=s3ntinel", "parameter"),
        ("postgres://app@127.0.0.1/db?password=s3ntinel%", "parameter"),
        ("postgres://app@127.0.0.1/db?s3ntinel$=1", "parameter"),
        ("app:s3ntinel@host://db", "sqlite://path or postgres://"),
    ] {
        let result = read(&[("DATABASE_URL", url)]);
        check_error(result.clone(), "DATABASE_URL", url);
        check_error(result, part, url);
    }
}

#[test]
fn valid_urls_are_accepted() {
    for url in [
        "postgres://127.0.0.1",
        "postgresql:///db",
        "postgres://app@localhost/db",
        "postgres://app:p%40%2F%25@localhost:5433/db?sslmode=require&options=-c%20x%3D1",
        "postgres://app:a:b?c#d@localhost/db",
        "postgres://app:x@[::1]:5432/db",
        "postgres://app:x@127.0.0.1:1,localhost:2/db?target_session_attrs=read-write",
        "postgres://%2Fvar%2Frun%2Fpostgresql/db",
        "postgres:///db?host=/var/run/postgresql",
    ] {
        assert!(
            read(&[("DATABASE_URL", url)]).is_ok(),
            "{url}: {:?}",
            read(&[("DATABASE_URL", url)])
        );
    }
}

#[test]
fn a_remote_database_in_local_needs_an_explicit_setting() {
    let allow = ("MATCHCAST__DATABASE__ALLOW_REMOTE_IN_LOCAL", "true");
    for url in [
        "postgres://app:s3ntinel@db/name",
        "postgres://app:s3ntinel@10.0.0.1/name",
        "postgres://app:s3ntinel@localhost,db/name",
        "postgres://app:s3ntinel@localhost.example/name",
        "postgres:///name?host=db",
        "postgres://app@localhost/name?hostaddr=10.0.0.1",
    ] {
        check_error(read(&[("DATABASE_URL", url)]), "ALLOW_REMOTE_IN_LOCAL", url);
        check_error(read(&[("DATABASE_URL", url)]), "APP_ENV=production", url);
        assert!(read(&[("DATABASE_URL", url), allow]).is_ok(), "{url}");
        let production: Vec<_> = PRODUCTION.into_iter().chain([("DATABASE_URL", url)]).collect();
        assert!(read(&production).is_ok(), "{url}");
    }
}

#[test]
fn replicas_are_servers_of_postgresql_and_need_a_primary_that_is_one() {
    let postgres = ("DATABASE_URL", "postgres://localhost/name");
    let replicas = ("DATABASE_READ_URL", "postgres://app@one,two/name");
    let config = read(&[postgres, replicas]).expect("several hosts");
    assert!(config.replicas.is_some());
    assert!(read(&[postgres, ("DATABASE_READ_URL", "")]).expect("none").replicas.is_none());
    check_error(read(&[replicas]), "DATABASE_READ_URL needs a PostgreSQL", replicas.1);
    for url in ["sqlite://replica.sqlite", "mysql://app@one/name", "one", "postgres://a@b:0/name"] {
        check_error(read(&[postgres, ("DATABASE_READ_URL", url)]), "DATABASE_READ_URL", url);
    }
}
