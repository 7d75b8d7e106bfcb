//! Moves the database of a Laravel application into an empty database of matchcast.
//!
//! The source is read once, in one snapshot, into a temporary `staging` database. There everything
//! that does not add up is found and gets a named correction. `apply` writes the result in one
//! transaction, which commits only if the audit finds nothing. The source is never written to.

mod account;
mod checks;
mod destination;
mod error;
mod kind;
mod ledger;
mod mapping;
mod reader;
mod reading;
mod report;
mod settlement;
mod source;
mod staging;
mod target;
mod trading;
mod values;

use source::Source;
use staging::Staging;

use super::AnyConnection;
use super::markets::Listings;

pub use error::ImportError;
pub use mapping::{Mapping, Overrides};
pub use reading::{Found, Progress};
pub use report::{Adjusted, Correction, Finding};

/// A source that was read and checked.
pub struct Import {
    staging: Staging,
    /// The tables that were read.
    pub found: Vec<Found>,
    /// What does not add up, by its kind.
    pub corrections: Vec<Correction>,
    /// What the corrections of accounts add up to.
    pub adjusted: Vec<Adjusted>,
}

impl Import {
    /// Reads and checks the database at `url`. `overrides` names tables and columns that have
    /// other names than usual, and `listings` the commission of open orders.
    ///
    /// # Errors
    /// If the source cannot be read or understood; the error names the table, column and row.
    pub fn read(
        url: &str,
        overrides: &Overrides,
        listings: &Listings,
        progress: Progress<'_>,
    ) -> Result<Self, ImportError> {
        let mut source = Source::open(url)?;
        let mapping = Mapping::find(&source.tables()?, overrides)?;
        let mut staging = Staging::create()?;
        let found = reading::read(&mut source, &mapping, &mut staging, progress)?;
        drop(source);
        progress("checks", 0, 1);
        checks::run(&mut staging, &mapping)?;
        settlement::run(&mut staging, &mapping, listings)?;
        progress("checks", 1, 1);
        let corrections = report::corrections(&mut staging)?;
        let adjusted = report::adjusted(&mut staging)?;
        Ok(Self { staging, found, corrections, adjusted })
    }

    /// Findings after the one with this id, of one name or of all.
    pub fn findings(
        &mut self,
        name: Option<&str>,
        after: i64,
        limit: i64,
    ) -> Result<Vec<Finding>, ImportError> {
        report::findings(&mut self.staging, name, after, limit)
    }

    /// Refuses a database that [`Self::apply`] cannot write to, before its schema is changed.
    ///
    /// # Errors
    /// [`ImportError::Refused`] if there are users, orders or money already.
    pub fn check_target(connection: &mut AnyConnection) -> Result<(), ImportError> {
        target::refuse_unless_empty(connection)
    }

    /// Writes what was read, with all corrections, into an empty database with the current schema.
    ///
    /// # Errors
    /// [`ImportError::Refused`] if it is not empty, or the audit finds something. Nothing is
    /// written then.
    pub fn apply(
        &mut self,
        connection: &mut AnyConnection,
        listings: &Listings,
        progress: Progress<'_>,
    ) -> Result<(), ImportError> {
        target::write(connection, &mut self.staging, listings, progress)
    }
}
