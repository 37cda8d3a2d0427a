//! Lists by page: page (from 1), limit, total and total pages; and lists by cursor, whose cost does not grow with depth.

use crate::error::{Error, Problem};
use crate::time::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// How many items a page holds when the caller does not say.
pub const DEFAULT_LIMIT: u32 = 20;
/// The most items a page may hold.
pub const MAX_LIMIT: u32 = 100;
/// The deepest page that may be asked for: what lies deeper is reached with a cursor or a narrower search.
pub const MAX_PAGE: u32 = 10_000;

/// What JSON Schema says of a cursor.
#[cfg(feature = "openapi")]
pub(crate) const CURSOR_PATTERN: &str = "^[0-7][0-9A-Fa-f]{47}$";

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
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema))]
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
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "{T}Page"))]
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

/// Which slice of a list is wanted: from where on, and how many items.
///
/// ```
/// use mono_core::page::SliceRequest;
/// assert_eq!(SliceRequest::parse(None, None)?, SliceRequest::default());
/// let error = SliceRequest::parse(Some("somewhere"), Some(0)).unwrap_err();
/// assert_eq!(error.problems().len(), 2);
/// # Ok::<(), mono_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SliceRequest {
    after: Cursor,
    limit: u32,
}

impl SliceRequest {
    /// Checks a cursor, which is the text of one that a slice has given, and a limit (1 to 100).
    ///
    /// # Errors
    /// `Validation` that names `cursor`, `limit` or both.
    pub fn parse(cursor: Option<&str>, limit: Option<u32>) -> Result<Self, Error> {
        let (after, page) = (cursor.map_or(Ok(Cursor::START), str::parse), PageRequest::parse(None, limit));
        match (after, page) {
            (Ok(after), Ok(page)) => Ok(Self { after, limit: page.limit }),
            (after, page) => {
                let problems = after.err().into_iter().chain(page.err()).flat_map(|error| error.problems());
                Err(Error::validation(problems.collect()))
            }
        }
    }

    /// The place after which the slice begins.
    pub const fn after(self) -> Cursor {
        self.after
    }

    /// How many items to read: one more than the slice holds tells whether anything follows.
    pub const fn to_read(self) -> u32 {
        self.limit.saturating_add(1)
    }
}

impl Default for SliceRequest {
    fn default() -> Self {
        Self { after: Cursor::START, limit: DEFAULT_LIMIT }
    }
}

/// What lists by cursor are made of.
pub trait Placed {
    /// Its place in a list that runs from the newest to the oldest.
    fn place(&self) -> Cursor;
}

/// A place in a list that runs from the newest to the oldest: right after one item. Its text is opaque to clients.
///
/// ```
/// use mono_core::page::Cursor;
/// let text = Cursor::START.to_string();
/// assert_eq!(text.parse::<Cursor>()?, Cursor::START);
/// assert!("somewhere".parse::<Cursor>().is_err());
/// # Ok::<(), mono_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// When the item was made.
    pub created_at: Timestamp,
    /// The item's id, which tells items of one moment apart.
    pub id: Uuid,
}

impl Cursor {
    /// Before the newest item: the last moment that a database keeps as four digits of a year.
    pub const START: Self = Self { created_at: last_moment(), id: Uuid::max() };
}

const fn last_moment() -> Timestamp {
    const LAST: i64 = 253_402_300_799;
    match Timestamp::from_timestamp(LAST, 0) {
        Some(moment) => moment,
        None => Timestamp::MAX_UTC,
    }
}

impl std::fmt::Display for Cursor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:016x}{}", self.created_at.timestamp_micros(), self.id.simple())
    }
}

impl std::str::FromStr for Cursor {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let read = || {
            let (moment, id) = text.split_at_checked(16)?;
            let plain = text.len() == 48 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
            let micros = i64::from_str_radix(moment, 16).ok().filter(|_| plain)?;
            let created_at = Timestamp::from_timestamp_micros(micros)?;
            (created_at <= Self::START.created_at).then_some(())?;
            Some(Self { created_at, id: Uuid::try_parse(id).ok()? })
        };
        let message = "the cursor is not one that a list has given";
        read().ok_or_else(|| Error::invalid("cursor", "invalid_cursor", message))
    }
}

/// A part of a list, with the place at which it goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(schemars::JsonSchema), schemars(rename = "{T}Slice"))]
pub struct Slice<T> {
    /// The items, newest first.
    pub items: Vec<T>,
    /// The cursor of the next slice; `null` where this is the last.
    pub next: Option<String>,
}

impl<T: Placed> Slice<T> {
    /// The slice of what was [read](SliceRequest::to_read).
    pub fn new(mut items: Vec<T>, request: SliceRequest) -> Self {
        let wanted = usize::try_from(request.limit).unwrap_or(usize::MAX);
        let more = items.len() > wanted;
        items.truncate(wanted);
        let next = items.last().filter(|_| more).map(|item| item.place().to_string());
        Self { items, next }
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
