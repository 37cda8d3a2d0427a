//! The check that `sql!` makes at compile time: does every table of this text stand under the tenant?
//!
//! It is a guard against mistakes, not a parser: for each level of parentheses it keeps the tables that the text names
//! and the predicates that tie them to the tenant, and refuses what it cannot follow (comments, quoted identifiers,
//! several statements). Row-level security is the second wall.
#![expect(
    clippy::indexing_slicing,
    clippy::large_stack_arrays,
    clippy::large_types_passed_by_value,
    reason = "const fn has no iterators and no heap; it runs at compile time only"
)]

mod grammar;
mod level;
#[cfg(test)]
mod tests;
mod word;

use grammar::{
    ends_clause, ends_predicate, gives_tenant, is_keyword, is_platform, is_start, is_tenant_column, qualifier,
};
use level::{EMPTY, Level, TABLES, TIES, Tie, tables_are_held};
use word::{
    NOTHING, Word, end_of_string, end_of_word, is, is_plain, is_word, last_part, next_is, one_of, same,
    skip_space, starts, word_after, word_in_parenthesis,
};

/// The deepest nesting of parentheses that the check follows.
const DEPTH: usize = 24;

const PARENTHESES: &str = "the parentheses do not match";
const COMMENT: &str = "comments are not followed by the tenant check";
const BYTE: &str = "outside strings a text holds printable ASCII, spaces and line breaks only";
const FIRST_WORD: &str = "a statement starts with SELECT, WITH, INSERT, UPDATE or DELETE";
const START: &str =
    "a statement starts here where none may start: SELECT, WITH, INSERT, UPDATE and DELETE are no names";
const FIRST_VALUE: &str = "an insert gives the tenant, $1, as its first value";
const COLUMNS: &str = "an insert names its columns and tenant_id is the first";
const CONFLICT: &str = "the target of ON CONFLICT starts with tenant_id";
const TABLE: &str = "a table, or a query in parentheses, follows FROM, JOIN, UPDATE and each comma in FROM";
const PLATFORM: &str =
    "the table belongs to the platform or to the database: a tenant's statement may not name it";
const FORBIDDEN: &str = "set_config, PRAGMA, ATTACH and TABLE do not stand in a tenant's statement";
const KEYWORD: &str = "a keyword stands as a name, which the tenant check does not follow";
const STRING: &str =
    "a string stands where a name is expected, or has a prefix: the tenant check does not follow it";
const WORD: &str =
    "the tenant check does not follow this word: values are $1, $2 …, and no space stands beside a dot";
const MOVES: &str = "a statement may not move a row to another tenant";
const ALONE: &str =
    "the tenant predicate stands alone between WHERE, AND or ON and the next AND or the end of the clause";
const TWO_TABLES: &str = "`b.tenant_id = a.tenant_id` compares two tables, each named";
const TOO_MANY: &str = "the statement names too many tables for the tenant check";
const UNDER_OR: &str = "the tenant predicate stands beside an OR, which opens the statement to other tenants: put the OR in parentheses";
const NOT_HELD: &str = "the statement is not held to the tenant: it needs `tenant_id = $1` in its WHERE";
const TABLE_NOT_HELD: &str = "a table of the statement is not held to the tenant: each needs `tenant_id = $1` or `b.tenant_id = a.tenant_id`";

pub(super) const fn check(sql: &str) -> Result<(), &'static str> {
    let text = sql.as_bytes();
    let first = word_after(text, 0);
    if !one_of(text, first, &["SELECT", "WITH", "INSERT", "UPDATE", "DELETE"]) {
        return Err(FIRST_WORD);
    }
    let mut check = Check {
        text,
        first: first.start,
        levels: [EMPTY; DEPTH],
        depth: 0,
        own: false,
        previous: NOTHING,
        before: NOTHING,
    };
    let mut at = 0;
    while at < text.len() {
        let next = match text[at] {
            b'\'' => check.string(at),
            b'(' => check.open(at),
            b')' => check.close(at),
            b',' => check.comma(at),
            byte if is_word(byte) => check.word(Word { start: at, end: end_of_word(text, at) }),
            b';' => Err("one statement at a time: the text holds a semicolon"),
            b'"' | b'`' | b'[' => Err("quoted identifiers are not followed by the tenant check"),
            b'-' if at + 1 < text.len() && text[at + 1] == b'-' => Err(COMMENT),
            b'/' if at + 1 < text.len() && text[at + 1] == b'*' => Err(COMMENT),
            b' ' | b'\n' | b'\r' | b'\t' => Ok(at + 1),
            byte if byte.is_ascii_graphic() => Ok(at + 1),
            _ => Err(BYTE),
        };
        at = match next {
            Ok(next) => next,
            Err(problem) => return Err(problem),
        };
    }
    check.end()
}

/// What is known after a part of the text.
struct Check<'t> {
    text: &'t [u8],
    /// Where the first word starts.
    first: usize,
    levels: [Level; DEPTH],
    depth: usize,
    /// Something is held to `$1`, the tenant of the transaction.
    own: bool,
    previous: Word,
    /// The word before the previous one.
    before: Word,
}

impl Check<'_> {
    const fn open(&mut self, at: usize) -> Result<usize, &'static str> {
        if self.levels[self.depth].in_values && !gives_tenant(self.text, at + 1) {
            return Err(FIRST_VALUE);
        }
        self.depth += 1;
        if self.depth == DEPTH {
            return Err("the statement is nested too deeply for the tenant check");
        }
        self.levels[self.depth] = EMPTY;
        Ok(at + 1)
    }

    const fn close(&mut self, at: usize) -> Result<usize, &'static str> {
        if let Err(problem) = self.end_level() {
            return Err(problem);
        }
        if self.depth == 0 {
            return Err(PARENTHESES);
        }
        self.depth -= 1;
        if self.levels[self.depth].in_list {
            self.levels[self.depth].may_start = true;
        }
        Ok(at + 1)
    }

    /// A comma in FROM names one table more.
    const fn comma(&mut self, at: usize) -> Result<usize, &'static str> {
        if self.levels[self.depth].in_from {
            self.levels[self.depth].in_condition = false;
            if let Err(problem) = self.table(at + 1) {
                return Err(problem);
            }
        }
        Ok(at + 1)
    }

    /// SQLite takes a string for a name where it expects one, and PostgreSQL has other rules behind a prefix.
    const fn string(&self, at: usize) -> Result<usize, &'static str> {
        let text = self.text;
        let level = self.levels[self.depth];
        let end = end_of_string(text, at);
        let is_name = level.in_from && !level.in_condition || level.in_set && next_is(text, end, b'=');
        let has_prefix = at > 0 && (is_word(text[at - 1]) || text[at - 1] == b'&');
        if is_name || has_prefix {
            return Err(STRING);
        }
        let mut i = at;
        while i < end && i < text.len() {
            if text[i] == 0 {
                return Err(BYTE);
            }
            i += 1;
        }
        Ok(end)
    }

    const fn word(&mut self, word: Word) -> Result<usize, &'static str> {
        let text = self.text;
        if let Err(problem) = self.follows(word) {
            return Err(problem);
        }
        let may_start = self.levels[self.depth].may_start;
        self.levels[self.depth].may_start = false;
        let done = if is_start(text, word) && !self.is_part_of_clause(word) {
            self.start(word, may_start)
        } else {
            self.part(word, may_start)
        };
        self.before = self.previous;
        self.previous = word;
        match done {
            Ok(()) => Ok(word.end),
            Err(problem) => Err(problem),
        }
    }

    /// Refuses words that the check does not follow, wherever they stand.
    const fn follows(&self, word: Word) -> Result<(), &'static str> {
        let text = self.text;
        if !is_plain(text, word) {
            return Err(WORD);
        }
        let name = last_part(text, word);
        if one_of(text, name, &["set_config", "PRAGMA", "ATTACH", "TABLE"]) || starts(text, name, "pragma_") {
            return Err(FORBIDDEN);
        }
        let as_name = is(text, self.previous, "AS") && self.is_adjacent(word);
        if is_keyword(text, word) && (as_name || next_is(text, word.end, b',')) {
            return Err(KEYWORD);
        }
        if is(text, word, "FOR") && !is(text, word_after(text, word.end), "UPDATE") {
            return Err("only FOR UPDATE is followed by the tenant check");
        }
        if is(text, word, "IN") && !next_is(text, word.end, b'(') {
            return Err("IN is followed by a parenthesis");
        }
        if one_of(text, word, &["RIGHT", "FULL"]) && !next_is(text, word.end, b'(') {
            return Err("RIGHT and FULL joins are not followed by the tenant check: write a LEFT JOIN");
        }
        Ok(())
    }

    /// DO UPDATE SET and FOR UPDATE are clauses, not statements of their own.
    const fn is_part_of_clause(&self, word: Word) -> bool {
        let sets = is(self.text, word_after(self.text, word.end), "SET");
        is(self.text, word, "UPDATE")
            && self.is_adjacent(word)
            && (is(self.text, self.previous, "FOR") && !sets || is(self.text, self.previous, "DO") && sets)
    }

    const fn start(&mut self, word: Word, may_start: bool) -> Result<(), &'static str> {
        let text = self.text;
        if !may_start || is(text, word, "WITH") && word.start != self.first {
            return Err(START);
        }
        let level = self.levels[self.depth];
        self.levels[self.depth] = Level {
            may_start: false,
            in_list: is(text, word, "WITH"),
            is_query: true,
            is_insert: level.is_insert || is(text, word, "INSERT"),
            has_or: level.has_or,
            has_predicate: level.has_predicate,
            ..EMPTY
        };
        if is(text, word, "UPDATE") { self.table(word.end) } else { Ok(()) }
    }

    /// A word that starts no statement.
    const fn part(&mut self, word: Word, may_start: bool) -> Result<(), &'static str> {
        let text = self.text;
        let mut level = self.levels[self.depth];
        if one_of(text, word, &["UNION", "EXCEPT", "INTERSECT"]) {
            if level.is_insert {
                return Err("UNION, EXCEPT and INTERSECT are not followed in an insert");
            }
            return self.end_query(true);
        } else if one_of(text, word, &["ALL", "DISTINCT"]) {
            level.may_start = may_start && self.follows_union();
        } else if is(text, word, "INTO") {
            return self.insert(word);
        } else if is(text, word, "VALUES") {
            level.in_values = true;
            level.in_list = false;
        } else if is(text, word, "SET") {
            if next_is(text, word.end, b'(') {
                return Err("SET names one column at a time");
            }
            level.in_set = true;
            level.in_condition = false;
        } else if self.starts_from(word) {
            level.in_from = true;
            level.in_set = false;
            level.in_condition = false;
            self.levels[self.depth] = level;
            return self.table(word.end);
        } else if is(text, word, "LEFT") {
            level.is_outer = level.is_outer || !next_is(text, word.end, b'(');
        } else if is(text, word, "ON") {
            level.in_values = false;
            level.in_condition = level.in_from && !is(text, word_after(text, word.end), "CONFLICT");
        } else if is(text, word, "CONFLICT") {
            if !is(text, word_in_parenthesis(text, word.end), "tenant_id") {
                return Err(CONFLICT);
            }
            return self.end_query(false);
        } else if is(text, word, "WHERE") {
            level.in_condition = true;
            level.in_from = false;
            level.in_set = false;
        } else if ends_clause(text, word) {
            level.in_condition = false;
            level.in_from = false;
            level.in_values = false;
        } else if is(text, word, "OR") {
            level.has_or = true;
        } else if is(text, word, "BETWEEN") {
            level.betweens += 1;
        } else if is(text, word, "AND") {
            level.after_between = level.betweens > 0;
            level.betweens = level.betweens.saturating_sub(1);
        } else if is(text, word, "CASE") {
            level.cases += 1;
        } else if is(text, word, "END") {
            if level.cases == 0 {
                return Err(KEYWORD);
            }
            level.cases -= 1;
        } else if is_tenant_column(text, word) {
            return self.comparison(word);
        }
        self.levels[self.depth] = level;
        Ok(())
    }

    /// Whether the previous word joins two queries, so that ALL or DISTINCT belongs to it.
    const fn follows_union(&self) -> bool {
        one_of(self.text, self.previous, &["UNION", "EXCEPT", "INTERSECT"])
    }

    const fn starts_from(&self, word: Word) -> bool {
        let text = self.text;
        let is_comparison = is(text, self.previous, "DISTINCT") && one_of(text, self.before, &["IS", "NOT"]);
        is(text, word, "FROM") && !is_comparison
            || is(text, word, "JOIN")
            || is(text, word, "USING") && !next_is(text, word.end, b'(')
    }

    /// What FROM, JOIN, UPDATE or a comma names: a table, which needs a predicate, or a query or function, which does not.
    const fn table(&mut self, from: usize) -> Result<(), &'static str> {
        let text = self.text;
        if next_is(text, from, b'(') {
            let query = one_of(text, word_in_parenthesis(text, from), &["SELECT", "VALUES"]);
            return if query { Ok(()) } else { Err(TABLE) };
        }
        let name = word_after(text, from);
        if name.end == name.start || is_keyword(text, name) || one_of(text, name, &["OR", "ONLY", "LATERAL"])
        {
            return Err(TABLE);
        }
        if is_platform(text, name) {
            return Err(PLATFORM);
        }
        if next_is(text, name.end, b'(') {
            return Ok(());
        }
        let mut alias = word_after(text, name.end);
        if is(text, alias, "AS") {
            alias = word_after(text, alias.end);
        }
        if alias.end == alias.start || is_keyword(text, alias) {
            alias = last_part(text, name);
        }
        let mut level = self.levels[self.depth];
        if level.table_count == TABLES {
            return Err(TOO_MANY);
        }
        let mut i = 0;
        while i < level.table_count {
            if same(text, level.tables[i], alias) {
                return Err("two tables of a statement have the same name: give each its own");
            }
            i += 1;
        }
        level.tables[level.table_count] = alias;
        level.table_count += 1;
        self.levels[self.depth] = level;
        Ok(())
    }

    /// After INTO: a table, then a column list that starts with `tenant_id`, then VALUES or SELECT with `$1` first.
    const fn insert(&mut self, word: Word) -> Result<(), &'static str> {
        let text = self.text;
        if !is(text, self.previous, "INSERT") || !self.is_adjacent(word) {
            return Err("INTO follows INSERT, with nothing between them");
        }
        let table = word_after(text, word.end);
        if is_platform(text, table) {
            return Err(PLATFORM);
        }
        if !is(text, word_in_parenthesis(text, table.end), "tenant_id") {
            return Err(COLUMNS);
        }
        let mut at = word_in_parenthesis(text, table.end).end;
        while at < text.len() && text[at] != b')' {
            let column = word_after(text, at);
            if text[at] == b'\'' || is_tenant_column(text, column) {
                return Err(COLUMNS);
            }
            at = if column.end > at { column.end } else { at + 1 };
        }
        let verb = word_after(text, at + 1);
        let first = if is(text, verb, "VALUES") && next_is(text, verb.end, b'(') {
            skip_space(text, verb.end) + 1
        } else if is(text, verb, "SELECT") {
            verb.end
        } else {
            return Err(FIRST_VALUE);
        };
        if !gives_tenant(text, first) {
            return Err(FIRST_VALUE);
        }
        self.levels[self.depth].in_list = true;
        self.own = true;
        Ok(())
    }

    /// `tenant_id = …`: whether it holds a table to the tenant.
    const fn comparison(&mut self, column: Word) -> Result<(), &'static str> {
        let text = self.text;
        let level = self.levels[self.depth];
        if !next_is(text, column.end, b'=') {
            return Ok(());
        }
        if level.in_set {
            return Err(MOVES);
        }
        let right = word_after(text, skip_space(text, column.end) + 1);
        let own = is(text, right, "$1");
        if !own && !is_tenant_column(text, right) || !level.is_query || !level.in_condition {
            return Ok(());
        }
        let starts = one_of(text, self.previous, &["WHERE", "AND", "ON"]) && self.is_adjacent(column);
        let after_between = level.after_between && is(text, self.previous, "AND");
        if !starts || after_between || level.cases > 0 || !ends_predicate(text, right.end) {
            return Err(ALONE);
        }
        self.levels[self.depth].has_predicate = true;
        let (left, right) = (qualifier(column), if own { NOTHING } else { qualifier(right) });
        if own {
            return if level.in_from && level.is_outer { Ok(()) } else { self.tie(left, NOTHING, true) };
        }
        if left.end == left.start || right.end == right.start || same(text, left, right) {
            return Err(TWO_TABLES);
        }
        // The ON of a LEFT JOIN holds the table that it joins, and no other.
        let outer = level.in_from && level.is_outer;
        let joined = if level.table_count > 0 { level.tables[level.table_count - 1] } else { NOTHING };
        if (!outer || same(text, left, joined))
            && let Err(problem) = self.tie(left, right, false)
        {
            return Err(problem);
        }
        if !outer || same(text, right, joined) { self.tie(right, left, false) } else { Ok(()) }
    }

    const fn tie(&mut self, held: Word, by: Word, own: bool) -> Result<(), &'static str> {
        let count = self.levels[self.depth].tie_count;
        if count == TIES {
            return Err(TOO_MANY);
        }
        self.levels[self.depth].ties[count] = Tie { held, by, own };
        self.levels[self.depth].tie_count += 1;
        Ok(())
    }

    /// Whether nothing but space stands between the previous word and this one.
    const fn is_adjacent(&self, word: Word) -> bool {
        skip_space(self.text, self.previous.end) == word.start
    }

    /// A query ends here: each of its tables is held. Another may follow on the same level.
    const fn end_query(&mut self, may_start: bool) -> Result<(), &'static str> {
        let level = self.levels[self.depth];
        if level.has_or && level.has_predicate {
            return Err(UNDER_OR);
        }
        if let Err(problem) = tables_are_held(self.text, level) {
            return Err(problem);
        }
        self.own = self.own || level.table_count > 0;
        self.levels[self.depth] = Level {
            may_start,
            is_query: true,
            is_insert: level.is_insert,
            has_or: level.has_or,
            has_predicate: level.has_predicate,
            ..EMPTY
        };
        Ok(())
    }

    const fn end_level(&mut self) -> Result<(), &'static str> {
        if self.levels[self.depth].cases > 0 {
            return Err("a CASE has no END");
        }
        self.end_query(false)
    }

    const fn end(&mut self) -> Result<(), &'static str> {
        if self.depth != 0 {
            return Err(PARENTHESES);
        }
        if let Err(problem) = self.end_level() {
            return Err(problem);
        }
        if self.own { Ok(()) } else { Err(NOT_HELD) }
    }
}
