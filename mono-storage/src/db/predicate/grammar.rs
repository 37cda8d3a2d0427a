//! What a word means in SQL.

use super::word::{NOTHING, Word, is, last_part, next_is, one_of, skip_space, starts, word_after};

pub(super) const fn is_start(text: &[u8], word: Word) -> bool {
    one_of(text, word, &["SELECT", "WITH", "INSERT", "UPDATE", "DELETE"])
}

pub(super) const fn ends_clause(text: &[u8], word: Word) -> bool {
    one_of(text, word, &["GROUP", "ORDER", "HAVING", "LIMIT", "OFFSET", "RETURNING", "WINDOW"])
        || one_of(text, word, &["UNION", "EXCEPT", "INTERSECT"])
}

/// A word that this check reads as a part of the grammar and that is therefore no name.
pub(super) const fn is_keyword(text: &[u8], word: Word) -> bool {
    ends_clause(text, word)
        || is_start(text, word)
        || one_of(
            text,
            word,
            &["FROM", "JOIN", "LEFT", "RIGHT", "FULL", "INNER", "CROSS", "NATURAL", "USING"],
        )
        || one_of(text, word, &["WHERE", "ON", "SET", "VALUES", "INTO", "FOR", "CONFLICT", "DO", "AS"])
        || one_of(text, word, &["AND", "OR", "NOT", "IN", "BETWEEN", "CASE", "DISTINCT"])
}

/// Tables that stand above the tenants, and the database's own.
pub(super) const fn is_platform(text: &[u8], name: Word) -> bool {
    let table = last_part(text, name);
    let schema = Word { start: name.start, end: table.start };
    one_of(
        text,
        table,
        &["users", "sessions", "tenants", "permissions", "permission_aliases", "roles", "plans"],
    ) || one_of(text, table, &["platform_assignments", "platform_grants", "platform_audit_log", "add_ons"])
        || one_of(text, table, &["features", "feature_sets", "limits", "_mono_migrations", "master_keys"])
        || starts(text, table, "sqlite_")
        || starts(text, table, "pg_")
        || starts(text, schema, "pg_")
        || starts(text, schema, "information_schema.")
}

/// `tenant_id` or `alias.tenant_id`, not `other_tenant_id`.
pub(super) const fn is_tenant_column(text: &[u8], word: Word) -> bool {
    is(text, last_part(text, word), "tenant_id")
}

/// What stands before `.tenant_id`.
pub(super) const fn qualifier(column: Word) -> Word {
    const BEHIND: usize = ".tenant_id".len();
    if column.end - column.start < BEHIND {
        return NOTHING;
    }
    Word { start: column.start, end: column.end - BEHIND }
}

/// `$1` and nothing with it.
pub(super) const fn gives_tenant(text: &[u8], from: usize) -> bool {
    let word = word_after(text, from);
    is(text, word, "$1") && (next_is(text, word.end, b',') || next_is(text, word.end, b')'))
}

/// What may follow a predicate, so that it stands for itself.
pub(super) const fn ends_predicate(text: &[u8], from: usize) -> bool {
    let word = word_after(text, from);
    skip_space(text, from) >= text.len()
        || next_is(text, from, b')')
        || ends_clause(text, word)
        || one_of(text, word, &["AND", "OR", "FOR", "ON", "JOIN", "LEFT", "INNER", "CROSS"])
}
