//! Schemas for the OpenAPI document: of what handlers read, and of what the types of responses do
//! not say. Handlers and bodies refer to them, and `openapi` makes the document of all.

mod administration;
mod formats;
mod requests;
mod responses;
mod users;
mod words;

pub use administration::*;
pub use formats::{
    ErrorWord, FieldTexts, LevelPair, OrderStatus, PlainTime, Timestamp, all as all_formats,
    always_false, always_true,
};
pub use requests::*;
pub use responses::*;
pub use users::*;
pub use words::*;
