//! Reads JSON piece by piece, so that one bad piece hides no other, and knows the line of every piece.

use crate::error::Problem;
use serde::de::{DeserializeOwned, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;
use std::collections::{BTreeMap, BTreeSet};

/// A piece of the file, as it is written there.
type Raw<'t> = &'t RawValue;

/// Reads one text. Whatever is wrong is kept, and reading goes on.
pub(super) struct Reader<'t> {
    text: &'t str,
    /// Where each piece begins that was looked at, by its path.
    offsets: BTreeMap<String, usize>,
    /// For lists with bad items: where the good ones stand in the file.
    kept: BTreeMap<String, Vec<usize>>,
    problems: Vec<(usize, Problem)>,
}

impl<'t> Reader<'t> {
    pub(super) fn new(text: &'t str) -> Self {
        Self { text, offsets: BTreeMap::new(), kept: BTreeMap::new(), problems: Vec::new() }
    }

    pub(super) fn is_clean(&self) -> bool {
        self.problems.is_empty()
    }

    /// The fields of the whole text; nothing if it is no JSON or no object.
    pub(super) fn root(&mut self) -> Option<Fields<'t>> {
        if self.text.len() > super::Seed::MAX_BYTES {
            let message = format!("the file has more than {} bytes", super::Seed::MAX_BYTES);
            self.problems.push((0, Problem::new("the file", "too_large", message)));
            return None;
        }
        match serde_json::from_str::<Raw<'t>>(self.text) {
            Ok(raw) => self.fields(String::new(), raw),
            Err(error) => {
                let line = error.line().saturating_sub(1);
                let before = self.text.split_inclusive('\n').take(line).map(str::len).sum::<usize>();
                let offset = before.saturating_add(error.column().saturating_sub(1));
                self.problems.push((offset, Problem::new("the file", "invalid_json", plain(&error))));
                None
            }
        }
    }

    /// Keeps a problem with the piece at `path`, or with the nearest piece around it.
    pub(super) fn report(&mut self, path: &str, code: &str, message: impl Into<String>) {
        let mut known = path;
        while !known.is_empty() && !self.offsets.contains_key(known) {
            known = known.rfind(['.', '[']).and_then(|end| known.get(..end)).unwrap_or_default();
        }
        let offset = self.offsets.get(known).copied().unwrap_or(0);
        let place = if path.is_empty() { "the file" } else { path };
        self.problems.push((offset, Problem::new(place, code, message)));
    }

    /// Keeps problems that another module found in what was read, and whose places count only the good items.
    pub(super) fn adopt(&mut self, problems: Vec<Problem>) {
        for problem in problems {
            let path = self.path_in_file(&problem.field);
            self.report(&path, &problem.code, problem.message);
        }
    }

    /// Turns positions among the good items into positions in the file.
    fn path_in_file(&self, path: &str) -> String {
        let mut parts = path.split('[');
        let mut found = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (number, rest) = part.split_once(']').unwrap_or((part, ""));
            let kept = self.kept.get(&found).zip(number.parse::<usize>().ok());
            let in_file = kept.and_then(|(kept, position)| kept.get(position)).map(usize::to_string);
            let number = in_file.as_deref().unwrap_or(number);
            found = format!("{found}[{number}]{rest}");
        }
        found
    }

    /// All problems in the order of the lines, with the line in the place.
    pub(super) fn into_problems(mut self) -> Vec<Problem> {
        self.problems.sort_by_key(|(offset, _)| *offset);
        let ends: Vec<usize> = self.text.match_indices('\n').map(|(offset, _)| offset).collect();
        let placed = self.problems.into_iter().map(|(offset, mut problem)| {
            let line = ends.partition_point(|end| *end < offset) + 1;
            problem.field = format!("line {line}: {}", problem.field);
            problem
        });
        placed.collect()
    }

    fn visit(&mut self, path: &str, raw: Raw<'t>) {
        let offset = raw.get().as_ptr().addr().saturating_sub(self.text.as_ptr().addr());
        self.offsets.insert(path.to_owned(), offset);
    }

    /// One value.
    pub(super) fn value<T: DeserializeOwned>(&mut self, path: &str, raw: Raw<'t>) -> Option<T> {
        self.visit(path, raw);
        match serde_json::from_str(raw.get()) {
            Ok(value) => Some(value),
            Err(error) => {
                self.report(path, "invalid", plain(&error));
                None
            }
        }
    }

    /// The items of a list, each with its path.
    pub(super) fn items(&mut self, path: &str, raw: Raw<'t>) -> Vec<(String, Raw<'t>)> {
        self.visit(path, raw);
        match serde_json::from_str::<Vec<Raw<'t>>>(raw.get()) {
            Ok(items) => {
                items.into_iter().zip(0..).map(|(raw, i): (_, usize)| (format!("{path}[{i}]"), raw)).collect()
            }
            Err(error) => {
                self.report(path, "invalid", plain(&error));
                vec![]
            }
        }
    }

    /// A list of which each item is read by `read`. Bad items are left out, and their places remembered.
    pub(super) fn list<T>(
        &mut self,
        path: &str,
        raw: Raw<'t>,
        mut read: impl FnMut(&mut Self, String, Raw<'t>) -> Option<T>,
    ) -> Vec<T> {
        let items = self.items(path, raw);
        let count = items.len();
        let mut kept = Vec::with_capacity(count);
        let mut good = Vec::with_capacity(count);
        for (position, (path, raw)) in items.into_iter().enumerate() {
            if let Some(item) = read(self, path, raw) {
                good.push(item);
                kept.push(position);
            }
        }
        if good.len() < count {
            self.kept.insert(path.to_owned(), kept);
        }
        good
    }

    /// The fields of an object.
    pub(super) fn fields(&mut self, path: String, raw: Raw<'t>) -> Option<Fields<'t>> {
        self.visit(&path, raw);
        match serde_json::from_str::<Entries<'t>>(raw.get()) {
            Ok(Entries(entries)) => {
                let mut seen = BTreeSet::new();
                for (name, raw) in &entries {
                    let at = join(&path, name);
                    if !seen.insert(name.as_str()) {
                        self.visit(&at, raw);
                        self.report(&at, "duplicate", "this is written twice in the same object");
                    }
                }
                Some(Fields { path, entries, asked: Vec::new() })
            }
            Err(error) => {
                self.report(&path, "invalid", plain(&error));
                None
            }
        }
    }
}

/// The fields of one object of the file.
pub(super) struct Fields<'t> {
    path: String,
    entries: Vec<(String, Raw<'t>)>,
    asked: Vec<&'static str>,
}

impl<'t> Fields<'t> {
    /// The path of the object, or of one of its fields.
    pub(super) fn path(&self, name: &str) -> String {
        join(&self.path, name)
    }

    /// A field as it is written. Of a field that is there twice, the first.
    pub(super) fn raw(&mut self, name: &'static str) -> Option<Raw<'t>> {
        self.asked.push(name);
        self.entries.iter().find(|(other, _)| other == name).map(|(_, raw)| *raw)
    }

    /// A field that has to be there.
    pub(super) fn required<T: DeserializeOwned>(
        &mut self,
        reader: &mut Reader<'t>,
        name: &'static str,
    ) -> Option<T> {
        let raw = self.required_raw(reader, name)?;
        reader.value(&self.path(name), raw)
    }

    /// A field that has to be there, as it is written.
    pub(super) fn required_raw(&mut self, reader: &mut Reader<'t>, name: &'static str) -> Option<Raw<'t>> {
        let raw = self.raw(name);
        if raw.is_none() {
            reader.report(&self.path(name), "missing", format!("`{name}` is missing"));
        }
        raw
    }

    /// A field that may be left out.
    pub(super) fn optional<T: DeserializeOwned>(
        &mut self,
        reader: &mut Reader<'t>,
        name: &'static str,
    ) -> Option<T> {
        let raw = self.raw(name)?;
        reader.value(&self.path(name), raw)
    }

    /// A list that may be left out.
    pub(super) fn list<T: DeserializeOwned>(
        &mut self,
        reader: &mut Reader<'t>,
        name: &'static str,
    ) -> Vec<T> {
        let Some(raw) = self.raw(name) else { return vec![] };
        reader.list(&self.path(name), raw, |reader, path, raw| reader.value(&path, raw))
    }

    /// An object with any names that may be left out.
    pub(super) fn map<K, T>(&mut self, reader: &mut Reader<'t>, name: &'static str) -> BTreeMap<K, T>
    where
        K: Ord + TryFrom<String, Error: std::fmt::Display>,
        T: DeserializeOwned,
    {
        let fields = self.raw(name).and_then(|raw| reader.fields(self.path(name), raw));
        let mut map = BTreeMap::new();
        for (name, raw) in fields.iter().flat_map(|fields| &fields.entries) {
            let path = fields.as_ref().map(|fields| fields.path(name)).unwrap_or_default();
            let value = reader.value(&path, raw);
            match K::try_from(name.clone()) {
                Ok(key) => map.extend(value.map(|value| (key, value))),
                Err(error) => reader.report(&path, "invalid", error.to_string()),
            }
        }
        map
    }

    /// Reports every field that nobody asked for.
    pub(super) fn finish(&self, reader: &mut Reader<'t>) {
        for (name, raw) in &self.entries {
            if !self.asked.contains(&name.as_str()) {
                let path = self.path(name);
                reader.visit(&path, raw);
                let message = format!("there is no such field here; there are {}", self.asked.join(", "));
                reader.report(&path, "unknown_field", message);
            }
        }
    }
}

/// The entries of an object in the order of the file, twice where they are written twice.
struct Entries<'t>(Vec<(String, Raw<'t>)>);

impl<'t> serde::Deserialize<'t> for Entries<'t> {
    fn deserialize<D: Deserializer<'t>>(deserializer: D) -> Result<Self, D::Error> {
        struct Collect;
        impl<'t> Visitor<'t> for Collect {
            type Value = Entries<'t>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'t>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut entries = Vec::new();
                while let Some(entry) = map.next_entry()? {
                    entries.push(entry);
                }
                Ok(Entries(entries))
            }
        }
        deserializer.deserialize_map(Collect)
    }
}

fn join(path: &str, name: &str) -> String {
    // A name of the file may hold anything and be of any length; a problem is read in a terminal.
    let name: String = name.chars().take(64).flat_map(char::escape_debug).collect();
    if path.is_empty() { name } else { format!("{path}.{name}") }
}

/// The message without its position, which counts from the beginning of the piece and not of the file.
fn plain(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let end = text.rfind(" at line ").unwrap_or(text.len());
    text.get(..end).unwrap_or_default().chars().take(300).flat_map(printable).collect()
}

fn printable(c: char) -> impl Iterator<Item = char> {
    let hidden = c.is_control();
    hidden.then(|| c.escape_debug()).into_iter().flatten().chain((!hidden).then_some(c))
}
