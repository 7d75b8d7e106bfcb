//! The reads that requests of many clients share (see [`SharedReads`]), and the current rendering
//! of each book that is read.
//!
//! No request is answered from an older state than that of its arrival: a rendering is sent only
//! after a read of the database, which began later, has found the same version.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

use super::rendered_book::RenderedBook;
use super::response::ApiError;
use crate::market::{MarketId, UserId};
use crate::store::views::{self, Holdings, MarketVersions};
use crate::store::{Found, Reader, Replicas, SharedReads, Store, StoreError};

/// A rendering that nobody has read for this time is dropped when another book is read.
const IDLE: Duration = Duration::from_secs(60);

/// The shared reads of the API.
pub struct Reads {
    users: SharedReads<UserId, Arc<Holdings>>,
    markets: SharedReads<MarketId, MarketVersions>,
    books: Books,
}

impl Reads {
    /// A book has at most `cap` orders on each side. Versions are those of the primary, which costs
    /// it little; books may be those of any server.
    pub fn new(store: &Store, replicas: Option<&Arc<Replicas>>, cap: i64) -> Self {
        let users = |c: &mut _, ids: &[UserId]| {
            let found = views::holdings(c, ids)?.into_iter();
            Ok(found.map(|(id, holdings)| (id, Arc::new(holdings))).collect())
        };
        Self {
            users: SharedReads::new(store.clone(), users),
            markets: SharedReads::new(store.clone(), views::market_versions),
            books: Books::new(Reader::of(store, replicas), cap),
        }
    }

    /// A user with all accounts.
    pub async fn user(&self, id: UserId) -> Result<Arc<Holdings>, ApiError> {
        self.users.get(id).await?.ok_or(ApiError::Unauthenticated)
    }

    /// The versions of a market's data.
    pub async fn market(&self, id: MarketId) -> Result<MarketVersions, ApiError> {
        self.markets.get(id).await?.ok_or_else(ApiError::market_not_found)
    }

    /// Whether the version of a book can be found out at the cost of the version alone.
    pub fn has_book(&self, market: MarketId) -> bool {
        self.books.current.lock().contains_key(&market)
    }

    /// The book of a market.
    pub async fn book(&self, market: MarketId) -> Result<Arc<RenderedBook>, ApiError> {
        self.books.of(market).get(()).await?.ok_or_else(ApiError::market_not_found)
    }
}

type BookReads = SharedReads<(), Arc<RenderedBook>>;
type Current = Arc<Mutex<HashMap<MarketId, Rendering>>>;

struct Rendering {
    book: Arc<RenderedBook>,
    last_read: Instant,
}

/// The books. Those of different markets do not wait for each other.
struct Books {
    reader: Reader,
    cap: i64,
    /// One rendering per market that is read. Requests that are answered may hold older ones.
    current: Current,
    reads: Mutex<HashMap<MarketId, BookReads>>,
}

impl Books {
    fn new(reader: Reader, cap: i64) -> Self {
        Self { reader, cap, current: Current::default(), reads: Mutex::default() }
    }

    fn of(&self, market: MarketId) -> BookReads {
        let mut reads = self.reads.lock();
        let new = || {
            let (current, cap) = (Arc::clone(&self.current), self.cap);
            self.reader.share(move |c, _: &[()]| {
                let known = current.lock().get(&market).map(|known| Arc::clone(&known.book));
                let version = known.as_ref().map(|known| known.version);
                let read = RenderedBook::read(c, market, cap, version)?.map(Arc::new);
                let unread = || StoreError::Other("a book without a version".to_owned());
                let book = read.or(known).ok_or_else(unread)?;
                keep(&mut current.lock(), market, &book, Instant::now());
                Ok(Found::from([((), book)]))
            })
        };
        reads.entry(market).or_insert_with(new).clone()
    }
}

/// Makes a rendering the current one, and drops those that nobody reads.
fn keep(
    current: &mut HashMap<MarketId, Rendering>,
    market: MarketId,
    book: &Arc<RenderedBook>,
    now: Instant,
) {
    current.retain(|_, rendering| now.saturating_duration_since(rendering.last_read) < IDLE);
    current.insert(market, Rendering { book: Arc::clone(book), last_read: now });
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Instant;

    use tokio::task::JoinSet;

    use super::{Books, IDLE, keep};
    use crate::http::rendered_book::RenderedBook;
    use crate::market::MarketId;
    use crate::store::Reader;
    use crate::store::fixtures::{change_books, create_markets, temporary};

    const CAP: i64 = 10;

    /// The rendering that many readers get at the same time.
    async fn read(books: &Books, market: MarketId) -> Arc<RenderedBook> {
        let mut readers = JoinSet::new();
        for _ in 0..20 {
            let reads = books.of(market);
            readers.spawn(async move { reads.get(()).await.unwrap().unwrap() });
        }
        let all = readers.join_all().await;
        assert!(all.iter().all(|book| Arc::ptr_eq(book, &all[0])), "rendered more than once");
        all[0].clone()
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn readers_share_one_rendering_of_a_version_and_old_ones_are_dropped() {
        let (_folder, store) = temporary(4);
        let [market, other] = create_markets(&store);
        let books = Books::new(Reader::of(&store, None), CAP);
        let first = read(&books, market).await;
        assert!(Arc::ptr_eq(&first, &read(&books, market).await));
        let version = first.version;
        let old = Arc::downgrade(&first);
        drop(first);
        assert!(old.upgrade().is_some(), "it is still the current one");
        for changes in 1..4 {
            change_books(&store);
            assert_eq!(read(&books, market).await.version, version + changes);
            assert!(old.upgrade().is_none(), "nobody sends it");
            assert_eq!(books.current.lock().len(), 1);
        }
        let unread = Arc::downgrade(&read(&books, other).await);
        assert_eq!(books.current.lock().len(), 2);
        let book = read(&books, market).await;
        keep(&mut books.current.lock(), market, &book, Instant::now() + IDLE);
        assert_eq!(books.current.lock().len(), 1);
        assert!(unread.upgrade().is_none());
    }
}
