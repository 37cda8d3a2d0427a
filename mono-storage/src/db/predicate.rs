//! The check that `sql!` makes at compile time: does every table of this text stand under the tenant?
//!
//! It is a guard against mistakes, not a parser: it counts the tables that a text names and the tenant predicates
//! that hold them, and refuses what it cannot follow (comments, quoted identifiers, several statements).
//! Row-level security is the second wall.
#![expect(clippy::indexing_slicing, reason = "const fn has no iterators; runs at compile time only")]

/// The deepest nesting of parentheses that the check follows.
const DEPTH: usize = 24;

/// What is known about one level of parentheses.
#[derive(Clone, Copy)]
#[expect(clippy::struct_excessive_bools, reason = "independent facts; only their combination decides")]
struct Level {
    /// A statement stands here, not an expression: only here does a predicate hold a table.
    is_query: bool,
    in_from: bool,
    in_condition: bool,
    in_set: bool,
    in_values: bool,
    has_or: bool,
    has_predicate: bool,
}

const EMPTY: Level = Level {
    is_query: false,
    in_from: false,
    in_condition: false,
    in_set: false,
    in_values: false,
    has_or: false,
    has_predicate: false,
};

#[derive(Clone, Copy)]
struct Word {
    start: usize,
    end: usize,
}

const PARENTHESES: &str = "the parentheses do not match";
const COMMENT: &str = "comments are not followed by the tenant check";
const FIRST_VALUE: &str = "an insert gives the tenant, $1, as its first value";
const UNDER_OR: &str = "the tenant predicate stands beside an OR, which opens the statement to other tenants: put the OR in parentheses";

pub(super) const fn check(sql: &str) -> Result<(), &'static str> {
    let text = sql.as_bytes();
    let mut check = Check {
        text,
        levels: [EMPTY; DEPTH],
        depth: 0,
        tables: 0,
        predicates: 0,
        own: false,
        previous: Word { start: 0, end: 0 },
    };
    let mut at = 0;
    while at < text.len() {
        let next = match text[at] {
            b'\'' => Ok(end_of_string(text, at)),
            b'(' => check.open(at),
            b')' => check.close(at),
            b',' => Ok(check.comma(at)),
            byte if is_word(byte) => check.word(Word { start: at, end: end_of_word(text, at) }),
            b';' => Err("one statement at a time: the text holds a semicolon"),
            b'"' | b'`' | b'[' => Err("quoted identifiers are not followed by the tenant check"),
            b'-' if at + 1 < text.len() && text[at + 1] == b'-' => Err(COMMENT),
            b'/' if at + 1 < text.len() && text[at + 1] == b'*' => Err(COMMENT),
            _ => Ok(at + 1),
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
    levels: [Level; DEPTH],
    depth: usize,
    /// Tables that the text names.
    tables: usize,
    /// Predicates that hold a table to a tenant.
    predicates: usize,
    /// One of them compares with `$1`, the tenant of the transaction.
    own: bool,
    previous: Word,
}

impl Check<'_> {
    const fn open(&mut self, at: usize) -> Result<usize, &'static str> {
        if self.levels[self.depth].in_values && !is(self.text, word_after(self.text, at + 1), "$1") {
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
        let level = self.levels[self.depth];
        if level.has_or && level.has_predicate {
            return Err(UNDER_OR);
        }
        if self.depth == 0 {
            return Err(PARENTHESES);
        }
        self.depth -= 1;
        Ok(at + 1)
    }

    /// A comma in FROM names one table more.
    const fn comma(&mut self, at: usize) -> usize {
        if self.levels[self.depth].in_from && names_table(self.text, at + 1) {
            self.tables += 1;
        }
        at + 1
    }

    const fn word(&mut self, word: Word) -> Result<usize, &'static str> {
        let text = self.text;
        let mut level = self.levels[self.depth];
        if is(text, word, "SELECT") || is(text, word, "WITH") || is(text, word, "DELETE") {
            level =
                Level { is_query: true, has_or: level.has_or, has_predicate: level.has_predicate, ..EMPTY };
        } else if is(text, word, "INTO") {
            if let Err(problem) = insert(text, word.end) {
                return Err(problem);
            }
            level.is_query = true;
            self.tables += 1;
            self.predicates += 1;
            self.own = true;
        } else if is(text, word, "VALUES") {
            level.in_values = true;
        } else if is(text, word, "UPDATE") {
            level.is_query = true;
            let previous = self.previous;
            // DO UPDATE and FOR [NO KEY] UPDATE name no table of their own.
            if !is(text, previous, "DO") && !is(text, previous, "FOR") && !is(text, previous, "KEY") {
                self.tables += 1;
            }
        } else if is(text, word, "SET") {
            level.in_set = true;
            level.in_condition = false;
        } else if self.starts_from(word) {
            level.in_from = true;
            level.in_set = false;
            level.in_condition = false;
            if names_table(text, word.end) {
                self.tables += 1;
            }
        } else if is(text, word, "ON") {
            level.in_values = false;
            level.in_condition = !is(text, word_after(text, word.end), "CONFLICT");
        } else if is(text, word, "CONFLICT") {
            if next_is(text, word.end, b'(') && !is(text, word_in_parenthesis(text, word.end), "tenant_id") {
                return Err("the target of ON CONFLICT starts with tenant_id");
            }
        } else if is(text, word, "WHERE") {
            level.in_condition = true;
            level.in_from = false;
            level.in_set = false;
        } else if ends_clause(text, word) {
            level.in_condition = false;
            level.in_from = false;
            level.in_set = false;
            level.in_values = false;
        } else if is(text, word, "OR") {
            level.has_or = true;
        } else if is_tenant_column(text, word) {
            match self.comparison(word, level) {
                Ok(held) => level.has_predicate = level.has_predicate || held,
                Err(problem) => return Err(problem),
            }
        }
        self.levels[self.depth] = level;
        self.previous = word;
        Ok(word.end)
    }

    const fn starts_from(&self, word: Word) -> bool {
        is(self.text, word, "FROM") && !is(self.text, self.previous, "DISTINCT")
            || is(self.text, word, "JOIN")
            || is(self.text, word, "USING") && !next_is(self.text, word.end, b'(')
    }

    /// `tenant_id = …`: whether it holds a table to the tenant.
    const fn comparison(&mut self, column: Word, level: Level) -> Result<bool, &'static str> {
        let text = self.text;
        let sign = skip_space(text, column.end);
        if sign >= text.len() || text[sign] != b'=' {
            return Ok(false);
        }
        if level.in_set {
            return Err("a statement may not move a row to another tenant");
        }
        let right = word_after(text, sign + 1);
        let own = is(text, right, "$1");
        let holds = own || is_tenant_column(text, right);
        if !holds || !level.is_query || !level.in_condition || is(text, self.previous, "NOT") {
            return Ok(false);
        }
        self.predicates += 1;
        self.own = self.own || own;
        Ok(true)
    }

    const fn end(&self) -> Result<(), &'static str> {
        if self.depth != 0 {
            return Err(PARENTHESES);
        }
        if self.levels[0].has_or && self.levels[0].has_predicate {
            return Err(UNDER_OR);
        }
        if !self.own {
            return Err("the statement is not held to the tenant: it needs `tenant_id = $1` in its WHERE");
        }
        if self.predicates < self.tables {
            return Err(
                "a table of the statement is not held to the tenant: each needs `tenant_id = $1` or `b.tenant_id = a.tenant_id`",
            );
        }
        Ok(())
    }
}

/// After INTO: a table, then a column list that starts with `tenant_id`, then VALUES or SELECT with `$1` first.
const fn insert(text: &[u8], from: usize) -> Result<(), &'static str> {
    let table = word_after(text, from);
    if !next_is(text, table.end, b'(') || !is(text, word_in_parenthesis(text, table.end), "tenant_id") {
        return Err("an insert names its columns and tenant_id is the first");
    }
    let mut at = table.end;
    while at < text.len() && text[at] != b')' {
        at += 1;
    }
    let verb = word_after(text, at + 1);
    let first = if is(text, verb, "VALUES") {
        word_in_parenthesis(text, verb.end)
    } else {
        word_after(text, verb.end)
    };
    if (is(text, verb, "VALUES") || is(text, verb, "SELECT")) && is(text, first, "$1") {
        Ok(())
    } else {
        Err(FIRST_VALUE)
    }
}

/// Whether a table stands here: neither a parenthesis (a query of its own) nor a function call.
const fn names_table(text: &[u8], from: usize) -> bool {
    let word = word_after(text, from);
    word.end > word.start && !(word.end < text.len() && text[word.end] == b'(')
}

const fn ends_clause(text: &[u8], word: Word) -> bool {
    is(text, word, "GROUP")
        || is(text, word, "ORDER")
        || is(text, word, "HAVING")
        || is(text, word, "LIMIT")
        || is(text, word, "OFFSET")
        || is(text, word, "RETURNING")
        || is(text, word, "UNION")
        || is(text, word, "EXCEPT")
        || is(text, word, "INTERSECT")
        || is(text, word, "WINDOW")
}

/// `tenant_id` or `alias.tenant_id`, not `other_tenant_id`.
const fn is_tenant_column(text: &[u8], word: Word) -> bool {
    const COLUMN: usize = "tenant_id".len();
    let length = word.end - word.start;
    if length < COLUMN {
        return false;
    }
    let tail = Word { start: word.end - COLUMN, end: word.end };
    is(text, tail, "tenant_id") && (length == COLUMN || text[tail.start - 1] == b'.')
}

const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.' || byte == b'$' || !byte.is_ascii()
}

const fn end_of_word(text: &[u8], mut at: usize) -> usize {
    while at < text.len() && is_word(text[at]) {
        at += 1;
    }
    at
}

/// Behind the closing quote; a doubled quote ends one string and starts the next, which comes to the same.
const fn end_of_string(text: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < text.len() && text[at] != b'\'' {
        at += 1;
    }
    at + 1
}

const fn skip_space(text: &[u8], mut at: usize) -> usize {
    while at < text.len() && text[at].is_ascii_whitespace() {
        at += 1;
    }
    at
}

const fn next_is(text: &[u8], from: usize, byte: u8) -> bool {
    let at = skip_space(text, from);
    at < text.len() && text[at] == byte
}

/// The word that follows; empty where something else follows.
const fn word_after(text: &[u8], from: usize) -> Word {
    let start = skip_space(text, from);
    Word { start, end: end_of_word(text, start) }
}

/// The first word inside the parenthesis that follows.
const fn word_in_parenthesis(text: &[u8], from: usize) -> Word {
    let at = skip_space(text, from);
    if at < text.len() && text[at] == b'(' { word_after(text, at + 1) } else { Word { start: at, end: at } }
}

const fn is(text: &[u8], word: Word, expected: &str) -> bool {
    let expected = expected.as_bytes();
    if word.end - word.start != expected.len() {
        return false;
    }
    let mut i = 0;
    while i < expected.len() {
        if !text[word.start + i].eq_ignore_ascii_case(&expected[i]) {
            return false;
        }
        i += 1;
    }
    true
}

#[cfg(test)]
mod tests {
    use super::check;

    #[test]
    fn statements_held_to_the_tenant_pass() {
        for sql in [
            "SELECT a FROM t WHERE tenant_id = $1",
            "SELECT a FROM t WHERE tenant_id = $1 FOR UPDATE",
            "SELECT a FROM t WHERE tenant_id=$1 AND (b = $2 OR c = $3)",
            "SELECT count(*) FILTER (WHERE a OR b) FROM t WHERE t.tenant_id = $1 ORDER BY a LIMIT 5",
            "SELECT 1 FROM a JOIN b ON b.tenant_id = a.tenant_id AND b.id = a.b WHERE a.tenant_id = $1",
            "SELECT 1 FROM a WHERE tenant_id = $1 AND id IN (SELECT x FROM b WHERE tenant_id = $1)",
            "SELECT 1 FROM a WHERE tenant_id = $1 AND id IN (SELECT value FROM json_each($2))",
            "SELECT 1 FROM t WHERE tenant_id = $1 AND a IS NOT DISTINCT FROM $2",
            "INSERT INTO t (tenant_id, a) VALUES ($1, $2)",
            "INSERT INTO t (tenant_id, a) VALUES ($1, $2), ($1, $3) ON CONFLICT (tenant_id, a) DO UPDATE SET a = $2",
            "INSERT INTO t (tenant_id, a) SELECT $1, $2 WHERE $2 <= $3 ON CONFLICT (tenant_id, a) DO UPDATE SET a = t.a + $2 WHERE t.a + $2 <= $3 RETURNING a",
            "UPDATE t SET a = 'tenant_id = $1; --' WHERE tenant_id = $1",
            "UPDATE t SET a = s.a FROM s WHERE t.tenant_id = $1 AND s.tenant_id = t.tenant_id",
            "DELETE FROM t WHERE tenant_id = $1 AND id = $2",
            "SELECT 1 FROM a WHERE tenant_id = $1 UNION ALL SELECT 1 FROM b WHERE tenant_id = $1",
        ] {
            assert_eq!(check(sql), Ok(()), "{sql}");
        }
    }

    #[test]
    fn statements_that_could_reach_another_tenant_are_refused() {
        for sql in [
            "",
            "SELECT a FROM t",
            "SELECT a FROM t WHERE id = $1",
            "SELECT tenant_id = $1 FROM t",
            "SELECT a FROM t WHERE other_tenant_id = $1",
            "SELECT a FROM t WHERE tenant_id = $2",
            "SELECT a FROM t WHERE tenant_id = tenant_id",
            "SELECT a FROM t WHERE tenant_id <> $1",
            "SELECT a FROM t WHERE tenant_id = $10",
            "SELECT a FROM t WHERE tenant_id = $1 OR true",
            "SELECT a FROM t WHERE true OR tenant_id = $1",
            "SELECT a FROM t WHERE NOT tenant_id = $1",
            "SELECT a FROM t WHERE NOT (tenant_id = $1)",
            "SELECT a FROM t WHERE (tenant_id = $1 OR true)",
            "SELECT a FROM t WHERE 'tenant_id = $1' = a",
            "SELECT a FROM t -- WHERE tenant_id = $1",
            "SELECT a FROM t /* WHERE tenant_id = $1 */",
            "SELECT a FROM t WHERE tenant_id = $1; DELETE FROM t",
            "SELECT a FROM t, s WHERE t.tenant_id = $1",
            "SELECT a FROM t JOIN s ON s.id = t.id WHERE t.tenant_id = $1",
            "SELECT a FROM t WHERE tenant_id = $1 AND id IN (SELECT x FROM b)",
            "SELECT a FROM t WHERE tenant_id = $1 UNION SELECT a FROM s",
            "INSERT INTO t VALUES ($1, $2)",
            "INSERT INTO t (a, tenant_id) VALUES ($1, $2)",
            "INSERT INTO t (tenant_id, a) VALUES ($2, $1)",
            "INSERT INTO t (tenant_id, a) VALUES ($1, $2), ($3, $2)",
            "INSERT INTO t (tenant_id, a) VALUES ($1, $2) ON CONFLICT (a) DO NOTHING",
            "INSERT INTO t (tenant_id, a) SELECT $1, a FROM s",
            "UPDATE t SET tenant_id = $1 WHERE id = $2",
            "UPDATE t SET tenant_id = $2 WHERE tenant_id = $1",
            "UPDATE t SET a = 1",
            "DELETE FROM t USING s WHERE t.tenant_id = $1",
            "DELETE FROM t",
            "SELECT a FROM \"t\" WHERE tenant_id = $1",
        ] {
            assert!(check(sql).is_err(), "{sql}");
        }
    }
}
