//! Public data of markets. Today that is `book.updated`: the best prices of each order book,
//! published at a limited rate.

mod book;
mod book_publisher;

pub use book_publisher::{BookPublisher, BookPublisherSettings};
