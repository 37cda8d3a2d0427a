//! The names of keys. Each has a hash tag for its owner, so that a cluster keeps what belongs together on one server.

use crate::bus::{Owner, Tag};

/// `{t:<tenant>}` or `{p}`.
pub(crate) fn hash_tag(owner: Owner) -> String {
    owner.map_or_else(|| "{p}".to_owned(), |tenant| format!("{{t:{tenant}}}"))
}

/// The key of the version of a tag.
pub(crate) fn tag_key(owner: Owner, tag: &Tag) -> String {
    format!("{}:tag:{}", hash_tag(owner), tag.as_str())
}
