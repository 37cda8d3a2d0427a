//! The words of a text.

#[derive(Clone, Copy)]
pub(super) struct Word {
    pub(super) start: usize,
    pub(super) end: usize,
}

pub(super) const NOTHING: Word = Word { start: 0, end: 0 };

/// What stands behind the last dot.
pub(super) const fn last_part(text: &[u8], word: Word) -> Word {
    let mut start = word.end;
    while start > word.start && text[start - 1] != b'.' {
        start -= 1;
    }
    Word { start, end: word.end }
}

/// No dot at an end, and a dollar only where a number of a value follows it to the end.
pub(super) const fn is_plain(text: &[u8], word: Word) -> bool {
    if text[word.start] == b'.' || text[word.end - 1] == b'.' {
        return false;
    }
    let value = text[word.start] == b'$' && word.end - word.start > 1;
    let mut i = if value { word.start + 1 } else { word.start };
    while i < word.end {
        if text[i] == b'$' || value && !text[i].is_ascii_digit() {
            return false;
        }
        i += 1;
    }
    true
}

pub(super) const fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.' || byte == b'$'
}

pub(super) const fn end_of_word(text: &[u8], mut at: usize) -> usize {
    while at < text.len() && is_word(text[at]) {
        at += 1;
    }
    at
}

/// Behind the closing quote; a doubled quote ends one string and starts the next, which comes to the same.
pub(super) const fn end_of_string(text: &[u8], start: usize) -> usize {
    let mut at = start + 1;
    while at < text.len() && text[at] != b'\'' {
        at += 1;
    }
    at + 1
}

pub(super) const fn skip_space(text: &[u8], mut at: usize) -> usize {
    while at < text.len() && text[at].is_ascii_whitespace() {
        at += 1;
    }
    at
}

pub(super) const fn next_is(text: &[u8], from: usize, byte: u8) -> bool {
    let at = skip_space(text, from);
    at < text.len() && text[at] == byte
}

/// The word that follows; empty where something else follows.
pub(super) const fn word_after(text: &[u8], from: usize) -> Word {
    let start = skip_space(text, from);
    Word { start, end: end_of_word(text, start) }
}

/// The first word inside the parenthesis that follows.
pub(super) const fn word_in_parenthesis(text: &[u8], from: usize) -> Word {
    let at = skip_space(text, from);
    if at < text.len() && text[at] == b'(' { word_after(text, at + 1) } else { Word { start: at, end: at } }
}

pub(super) const fn is(text: &[u8], word: Word, expected: &str) -> bool {
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

pub(super) const fn one_of(text: &[u8], word: Word, expected: &[&str]) -> bool {
    let mut i = 0;
    while i < expected.len() {
        if is(text, word, expected[i]) {
            return true;
        }
        i += 1;
    }
    false
}

pub(super) const fn starts(text: &[u8], word: Word, with: &str) -> bool {
    word.end - word.start >= with.len()
        && is(text, Word { start: word.start, end: word.start + with.len() }, with)
}

pub(super) const fn same(text: &[u8], a: Word, b: Word) -> bool {
    if a.end - a.start != b.end - b.start {
        return false;
    }
    let mut i = 0;
    while i < a.end - a.start {
        if !text[a.start + i].eq_ignore_ascii_case(&text[b.start + i]) {
            return false;
        }
        i += 1;
    }
    true
}
