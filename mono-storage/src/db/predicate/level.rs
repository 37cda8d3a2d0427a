//! What is known about one level of parentheses, and whether it is held to the tenant.

use super::word::{NOTHING, Word, same};
use super::{NOT_HELD, TABLE_NOT_HELD};

/// The most tables of one level, and the most ties between them.
pub(super) const TABLES: usize = 8;
pub(super) const TIES: usize = 24;

/// A predicate as what it proves: the tenant of `held` is the tenant of `by`, or `$1` where `own`.
#[derive(Clone, Copy)]
pub(super) struct Tie {
    /// The qualifier before `.tenant_id`; empty where there is none.
    pub(super) held: Word,
    pub(super) by: Word,
    pub(super) own: bool,
}

const NO_TIE: Tie = Tie { held: NOTHING, by: NOTHING, own: false };

/// What is known about one level of parentheses.
#[derive(Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts; only their combination decides")]
pub(super) struct Level {
    /// A statement may start here: at the head of the level, after UNION, after the lists of WITH and INSERT.
    pub(super) may_start: bool,
    /// A list follows (of WITH, of the columns of INSERT), after which a statement may start.
    pub(super) in_list: bool,
    /// A statement stands here, not an expression: only here does a predicate hold a table.
    pub(super) is_query: bool,
    pub(super) is_insert: bool,
    pub(super) in_from: bool,
    /// A LEFT JOIN came before: an ON keeps rows of the tables before it, whatever it says.
    pub(super) is_outer: bool,
    pub(super) in_condition: bool,
    pub(super) in_set: bool,
    pub(super) in_values: bool,
    /// As many of the next ANDs belong to a BETWEEN.
    pub(super) betweens: usize,
    /// The last AND did.
    pub(super) after_between: bool,
    pub(super) cases: usize,
    pub(super) has_or: bool,
    pub(super) has_predicate: bool,
    /// The name by which each table is called.
    pub(super) tables: [Word; TABLES],
    pub(super) table_count: usize,
    pub(super) ties: [Tie; TIES],
    pub(super) tie_count: usize,
}

pub(super) const EMPTY: Level = Level {
    may_start: true,
    in_list: false,
    is_query: false,
    is_insert: false,
    in_from: false,
    is_outer: false,
    in_condition: false,
    in_set: false,
    in_values: false,
    betweens: 0,
    after_between: false,
    cases: 0,
    has_or: false,
    has_predicate: false,
    tables: [NOTHING; TABLES],
    table_count: 0,
    ties: [NO_TIE; TIES],
    tie_count: 0,
};

/// Follows the ties from `$1`: a table is held where one of them reaches it.
pub(super) const fn tables_are_held(text: &[u8], level: Level) -> Result<(), &'static str> {
    let mut reached = [false; TIES];
    let (mut any, mut round) = (false, 0);
    while round <= level.tie_count {
        let mut i = 0;
        while i < level.tie_count {
            reached[i] = reached[i] || level.ties[i].own || reaches(text, level, reached, level.ties[i].by);
            any = any || level.ties[i].own;
            i += 1;
        }
        round += 1;
    }
    let mut i = 0;
    while i < level.table_count {
        let alone = level.table_count == 1 && reaches(text, level, reached, NOTHING);
        if !alone && !reaches(text, level, reached, level.tables[i]) {
            return Err(if any { TABLE_NOT_HELD } else { NOT_HELD });
        }
        i += 1;
    }
    Ok(())
}

const fn reaches(text: &[u8], level: Level, reached: [bool; TIES], name: Word) -> bool {
    let mut i = 0;
    while i < level.tie_count {
        if reached[i] && same(text, level.ties[i].held, name) {
            return true;
        }
        i += 1;
    }
    false
}
