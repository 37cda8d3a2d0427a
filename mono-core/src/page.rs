//! Lists by page: page (from 1), limit, total and total pages.

use crate::error::{Error, Problem};
use serde::{Deserialize, Serialize};

/// How many items a page holds when the caller does not say.
pub const DEFAULT_LIMIT: u32 = 20;
/// The most items a page may hold.
pub const MAX_LIMIT: u32 = 100;
/// The deepest page that may be asked for: what lies deeper is reached with a cursor or a narrower search.
pub const MAX_PAGE: u32 = 10_000;

/// Which page of a list is wanted.
///
/// ```
/// use mono_core::page::PageRequest;
/// let page = PageRequest::parse(Some(3), None)?;
/// assert_eq!((page.limit(), page.offset()), (20, 40));
/// assert!(PageRequest::parse(Some(0), None).is_err());
/// # Ok::<(), mono_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PageRequest {
    page: u32,
    limit: u32,
}

impl PageRequest {
    /// Checks a page number (from 1) and a limit (1 to 100).
    ///
    /// # Errors
    /// `Validation` that names `page`, `limit` or both.
    pub fn parse(page: Option<u32>, limit: Option<u32>) -> Result<Self, Error> {
        let (page, limit) = (page.unwrap_or(1), limit.unwrap_or(DEFAULT_LIMIT));
        let mut problems = Vec::new();
        if !(1..=MAX_PAGE).contains(&page) {
            let message = format!("the page is a number from 1 to {MAX_PAGE}");
            problems.push(Problem::new("page", "out_of_range", message));
        }
        if !(1..=MAX_LIMIT).contains(&limit) {
            let message = format!("the limit is a number from 1 to {MAX_LIMIT}");
            problems.push(Problem::new("limit", "out_of_range", message));
        }
        if problems.is_empty() { Ok(Self { page, limit }) } else { Err(Error::validation(problems)) }
    }

    /// The number of the page, from 1.
    pub const fn page(self) -> u32 {
        self.page
    }

    /// How many items a page holds.
    pub const fn limit(self) -> u32 {
        self.limit
    }

    /// How many items come before this page.
    pub fn offset(self) -> u64 {
        u64::from(self.page.saturating_sub(1)).saturating_mul(u64::from(self.limit))
    }
}

impl Default for PageRequest {
    fn default() -> Self {
        Self { page: 1, limit: DEFAULT_LIMIT }
    }
}

/// Where a page stands in its list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Pagination {
    /// The number of this page, from 1.
    pub page: u32,
    /// How many items a page holds.
    pub limit: u32,
    /// How many items the whole list holds.
    pub total: u64,
    /// How many pages the whole list has.
    pub total_pages: u64,
}

/// One page of a list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page<T> {
    /// The items of this page, in the order of the list.
    pub items: Vec<T>,
    /// Where this page stands.
    pub pagination: Pagination,
}

impl<T> Page<T> {
    /// A page of `items` out of `total`.
    pub fn new(items: Vec<T>, request: PageRequest, total: u64) -> Self {
        let total_pages = total.div_ceil(u64::from(request.limit()));
        let pagination = Pagination { page: request.page(), limit: request.limit(), total, total_pages };
        Self { items, pagination }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn absurd_pages_are_refused_with_both_names() {
        let error = PageRequest::parse(Some(u32::MAX), Some(0)).unwrap_err();
        let fields: Vec<_> = error.problems().into_iter().map(|problem| problem.field).collect();
        assert_eq!(fields, ["page", "limit"]);
    }

    #[test]
    fn total_pages_round_up() {
        let page = |total| Page::<()>::new(vec![], PageRequest::default(), total).pagination.total_pages;
        assert_eq!([page(0), page(1), page(20), page(21)], [0, 1, 1, 2]);
    }
}
