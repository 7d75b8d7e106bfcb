//! Database URLs and `.env` files from outside: nothing makes a parser panic, no message shows a
//! part that may be secret, and what is accepted is unchanged.

use matchcast::store::DatabaseUrl;
use proptest::prelude::*;

use crate::dotenv::migrate;
use crate::fuzz::{config, config_of_network, corpus, text_variants};
use crate::{SENTINEL, read};

const URLS: &str = include_str!("../fixtures/fuzz/database-urls.json");
const DOTENV: &str = include_str!("../fixtures/fuzz/dotenv.json");

fn check_url(text: &str) {
    match DatabaseUrl::parse(text) {
        Ok(DatabaseUrl::Sqlite(path)) => {
            assert_eq!(format!("sqlite://{path}"), text);
            assert!(!path.is_empty() && path != ":memory:");
        }
        Ok(parsed @ DatabaseUrl::Postgres { .. }) => {
            assert!(!format!("{parsed:?}").contains(SENTINEL), "{text:?}");
            let DatabaseUrl::Postgres { url, .. } = parsed else { unreachable!() };
            assert_eq!(url, text);
            assert!(!url.contains(['\0', '\n']), "{text:?}");
        }
        Err(problem) => {
            assert!(!problem.contains(SENTINEL) && !problem.contains('\n'), "{text:?}: {problem}");
        }
    }
    if let Err(error) = read(&[("DATABASE_URL", text)]) {
        let error = error.to_string();
        assert!(!error.contains(SENTINEL) && error.contains("DATABASE_URL"), "{text:?}: {error}");
    }
}

#[test]
fn picked_urls_are_accepted_or_rejected() {
    corpus(URLS).iter().for_each(|text| check_url(text));
}

/// The real process reads the file, so each case starts one.
fn check_dotenv(text: &str) {
    // The database stays in the folder of the case, whatever the file says.
    let (output, _) = migrate(&format!("{text}\nDATABASE_URL=sqlite://own.sqlite\n"));
    assert!(!output.contains("panicked") && !output.contains(SENTINEL), "{text:?}: {output}");
}

#[test]
fn picked_dotenv_files_are_read_or_rejected() {
    corpus(DOTENV).iter().for_each(|text| check_dotenv(text));
}

proptest! {
    #![proptest_config(config(2_000))]

    #[test]
    fn a_url_is_kept_as_it_is_or_rejected(text in text_variants(URLS)) {
        check_url(&text);
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: config_of_network(16).cases.min(500),
        ..config_of_network(16)
    })]

    #[test]
    fn a_dotenv_file_is_read_or_rejected(text in text_variants(DOTENV)) {
        check_dotenv(&text);
    }
}
