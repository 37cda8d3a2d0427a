//! A statement with its values, ready to run inside a transaction.

use super::row::{FromRow, Row};
use super::transaction::Transaction;
use super::value::Value;
use mono_core::Error;
use sqlx::SqlStr;

/// A statement with its values. Made by [`sql!`](crate::sql) and [`platform_sql!`](crate::platform_sql).
#[must_use = "a query does nothing until it is run"]
pub struct Query<'t> {
    transaction: &'t mut Transaction,
    text: SqlStr,
    values: Vec<Value>,
}

impl<'t> Query<'t> {
    pub(super) const fn new(transaction: &'t mut Transaction, text: SqlStr, values: Vec<Value>) -> Self {
        Self { transaction, text, values }
    }

    /// Runs it and gives every row.
    ///
    /// # Errors
    /// What the database refused, as the kind that the caller can act on.
    pub async fn rows(self) -> Result<Vec<Row>, Error> {
        self.transaction.rows(self.text, self.values).await
    }

    /// Runs it and reads every row.
    ///
    /// # Errors
    /// As [`rows`](Self::rows).
    pub async fn all<T: FromRow>(self) -> Result<Vec<T>, Error> {
        self.rows().await?.iter().map(T::from_row).collect()
    }

    /// Runs it and reads the first row, if there is one.
    ///
    /// # Errors
    /// As [`rows`](Self::rows).
    pub async fn optional<T: FromRow>(self) -> Result<Option<T>, Error> {
        self.rows().await?.first().map(T::from_row).transpose()
    }

    /// Runs it and reads the first row, which is always there.
    ///
    /// # Errors
    /// As [`rows`](Self::rows), and `Internal` where there is no row.
    pub async fn one<T: FromRow>(self) -> Result<T, Error> {
        T::from_row(&self.row().await?)
    }

    /// Runs it and gives the first row, which is always there.
    ///
    /// # Errors
    /// As [`one`](Self::one).
    pub async fn row(self) -> Result<Row, Error> {
        let text = self.text.clone();
        let rows = self.rows().await?;
        rows.into_iter().next().ok_or_else(|| Error::internal(format!("no row from: {}", text.as_str())))
    }

    /// Runs it and tells how many rows it wrote.
    ///
    /// # Errors
    /// As [`rows`](Self::rows).
    pub async fn execute(self) -> Result<u64, Error> {
        self.transaction.execute(self.text, self.values).await
    }
}
