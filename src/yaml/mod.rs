//! The only door to YAML: bytes to nodes that know where they stand, nodes to typed structs, values to text.
//!
//! Scalars are read as Kubernetes' own tools read them (YAML 1.1 as Go does it: `yes` is a boolean, `0777` is 511) and
//! are written so that no reader can take them for anything else. The room knows nothing of inventories or manifests.

mod fact;
mod path;
mod read;
mod scalar;
mod typed;
mod write;

pub use fact::Fact;
pub use path::{Path, Segment};
pub use read::{Keys, YamlError, read, text_of};
pub use typed::{Problem, ProblemKind, is_slip, nearest, read_struct};
pub use write::{block, block_entries, document, document_as_written, scalar};

/// Where a node stands: the file by its index in a table that the caller keeps, line and column counted from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub struct At {
    /// Index of the file in the caller's table.
    pub file: u16,
    /// Line, from 1; 0 where no place is known.
    pub line: u32,
    /// Column in characters, from 1; 0 where no place is known.
    pub column: u32,
}

/// One value of a YAML document and its place.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Where the value begins; for an alias, where the anchor's value stands.
    pub at: At,
    /// The value.
    pub value: Value,
}

/// A YAML value after Kubernetes' reading of scalars.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// `null`, `~` or nothing.
    Null,
    /// `true`, and everything else that YAML 1.1 calls a boolean.
    Boolean(bool),
    /// An integer that fits 64 bits with a sign.
    Integer(i64),
    /// Any other number.
    Float(f64),
    /// A string.
    String(Box<str>),
    /// A list.
    List(Vec<Node>),
    /// A map, sorted by key.
    Map(Map),
}

/// A map from key to entry. The entries lie side by side, sorted by key: most maps have a handful of them, and a tree of
/// its own for each would cost more than the reading.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Map(Vec<(Box<str>, Entry)>);

/// A key's place and its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// Where the key stands.
    pub key: At,
    /// The value.
    pub node: Node,
}

impl Map {
    /// A map of entries in any order.
    ///
    /// # Errors
    /// The first key, in the order given, that was there before: the key, and where it stands both times.
    pub fn new(mut entries: Vec<(Box<str>, Entry)>) -> Result<Map, (Box<str>, At, At)> {
        // Equal keys keep their order.
        entries.sort_by(|(a, _), (b, _)| a.cmp(b));
        let twice = entries.windows(2).filter(|pair| pair[0].0 == pair[1].0);
        match twice.min_by_key(|pair| pair[1].1.key) {
            Some(pair) => Err((pair[0].0.clone(), pair[0].1.key, pair[1].1.key)),
            None => Ok(Map(entries)),
        }
    }

    fn find(&self, key: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(known, _)| (**known).cmp(key))
    }

    /// The value under `key`.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.entry(key).map(|entry| &entry.node)
    }

    /// Key place and value under `key`.
    pub fn entry(&self, key: &str) -> Option<&Entry> {
        self.find(key).ok().map(|index| &self.0[index].1)
    }

    /// Keys and entries in order of the keys.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.0.iter().map(|(key, entry)| (&**key, entry))
    }

    /// Takes the entry under `key` out.
    pub fn remove(&mut self, key: &str) -> Option<Entry> {
        self.find(key).ok().map(|index| self.0.remove(index).1)
    }

    /// Puts an entry under `key`, in the place of the one that was there.
    pub fn insert(&mut self, key: &str, entry: Entry) {
        match self.find(key) {
            Ok(index) => self.0[index].1 = entry,
            Err(index) => self.0.insert(index, (key.into(), entry)),
        }
    }

    /// The entry under `key`, to be changed.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Entry> {
        self.find(key).ok().map(|index| &mut self.0[index].1)
    }

    /// The entry under `key`, to be changed; one of null, without a place, where there is none.
    pub fn entry_or_null(&mut self, key: &str) -> &mut Entry {
        let index = match self.find(key) {
            Ok(index) => index,
            Err(index) => {
                let entry = Entry { key: At::default(), node: Node { at: At::default(), value: Value::Null } };
                self.0.insert(index, (key.into(), entry));
                index
            }
        };
        &mut self.0[index].1
    }

    /// Goes through this map and another one together: `both` gets the entries of a key that both have, `new` those that
    /// only the other one has; what they give stays, and nothing else of the other one.
    pub fn merge(&mut self, other: Map, mut both: impl FnMut(Entry, Entry) -> Option<Entry>, mut new: impl FnMut(Entry) -> Option<Entry>) {
        let mut merged = Vec::with_capacity(self.0.len() + other.0.len());
        let mut own = std::mem::take(&mut self.0).into_iter().peekable();
        for (key, entry) in other.0 {
            while let Some(before) = own.next_if(|(known, _)| *known < key) {
                merged.push(before);
            }
            let entry = match own.next_if(|(known, _)| *known == key) {
                Some((_, existing)) => both(existing, entry),
                None => new(entry),
            };
            merged.extend(entry.map(|entry| (key, entry)));
        }
        merged.extend(own);
        self.0 = merged;
    }

    /// Whether the map holds nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// How many entries the map holds.
    pub fn len(&self) -> usize {
        self.0.len()
    }
}

impl Node {
    /// The map, when this is one.
    pub fn as_map(&self) -> Option<&Map> {
        match &self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The list, when this is one.
    pub fn as_list(&self) -> Option<&[Node]> {
        match &self.value {
            Value::List(list) => Some(list),
            _ => None,
        }
    }

    /// The string, when this is one.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The map, to be changed, when this is one.
    pub fn as_map_mut(&mut self) -> Option<&mut Map> {
        match &mut self.value {
            Value::Map(map) => Some(map),
            _ => None,
        }
    }

    /// The value under `key`, to be changed, when this is a map that has it.
    pub fn get_mut(&mut self, key: &str) -> Option<&mut Node> {
        self.as_map_mut()?.get_mut(key).map(|entry| &mut entry.node)
    }

    /// The value under `key`, when this is a map that has it.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.as_map()?.get(key)
    }

    /// The string under `key`, when this is a map that has one there.
    pub fn get_str(&self, key: &str) -> Option<&str> {
        self.get(key)?.as_str()
    }

    /// The value one step further, when there is one.
    pub fn step(&self, segment: &Segment) -> Option<&Node> {
        match (segment, &self.value) {
            (Segment::Key(key), Value::Map(map)) => map.get(key),
            (Segment::Index(index), Value::List(items)) => items.get(*index),
            _ => None,
        }
    }

    /// The value that `path` leads to.
    pub fn value_at(&self, path: &Path) -> Option<&Node> {
        path.segments().iter().try_fold(self, Node::step)
    }

    /// Where the value that `path` leads to stands: a scalar's own place, a map's or list's key. Where the path leads
    /// further than the tree, the deepest part of it that exists.
    pub fn place(&self, path: &Path) -> At {
        let (key, node) = self.follow(path);
        match node.value {
            Value::Map(_) | Value::List(_) | Value::Null => key,
            _ => node.at,
        }
    }

    /// Where the key that `path` ends with stands; as for [`Node::place`], the deepest part that exists.
    pub fn key_place(&self, path: &Path) -> At {
        self.follow(path).0
    }

    /// The deepest node on the path, and the place of its key.
    fn follow(&self, path: &Path) -> (At, &Node) {
        let mut found = (self.at, self);
        for segment in path.segments() {
            let next = match (segment, &found.1.value) {
                (Segment::Key(key), Value::Map(map)) => map.entry(key).map(|entry| (entry.key, &entry.node)),
                (Segment::Index(index), Value::List(list)) => list.get(*index).map(|item| (item.at, item)),
                _ => None,
            };
            match next {
                Some(next) => found = next,
                None => return (found.0, found.1),
            }
        }
        found
    }

    /// How much it holds: one for each value, and more for long strings. For limits.
    pub fn size(&self) -> usize {
        1 + match &self.value {
            Value::String(text) => text.len() / 64,
            Value::List(items) => items.iter().map(Node::size).sum(),
            Value::Map(map) => map.iter().map(|(key, entry)| key.len() / 64 + entry.node.size()).sum(),
            Value::Null | Value::Boolean(_) | Value::Integer(_) | Value::Float(_) => 0,
        }
    }

    /// Levels of maps and lists inside each other; 0 for a scalar.
    pub fn depth(&self) -> usize {
        match &self.value {
            Value::List(items) => 1 + items.iter().map(Node::depth).max().unwrap_or(0),
            Value::Map(map) => 1 + map.iter().map(|(_, entry)| entry.node.depth()).max().unwrap_or(0),
            _ => 0,
        }
    }

    /// The same value without places, as JSON has it; a float that JSON cannot hold becomes null.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::Null => serde_json::Value::Null,
            Value::Boolean(value) => (*value).into(),
            Value::Integer(value) => (*value).into(),
            Value::Float(value) => serde_json::Number::from_f64(*value).map_or(serde_json::Value::Null, Into::into),
            Value::String(value) => value.as_ref().into(),
            Value::List(items) => items.iter().map(Node::to_json).collect(),
            Value::Map(map) => {
                map.iter().map(|(key, entry)| (key.to_owned(), entry.node.to_json())).collect::<serde_json::Map<_, _>>().into()
            }
        }
    }
}

impl From<serde_json::Value> for Node {
    /// JSON as nodes without places; a number beyond 64 bits becomes a float.
    fn from(value: serde_json::Value) -> Node {
        let value = match value {
            serde_json::Value::Null => Value::Null,
            serde_json::Value::Bool(value) => Value::Boolean(value),
            serde_json::Value::Number(number) => {
                number.as_i64().map_or_else(|| Value::Float(number.as_f64().unwrap_or(f64::NAN)), Value::Integer)
            }
            serde_json::Value::String(text) => Value::String(text.into()),
            serde_json::Value::Array(items) => Value::List(items.into_iter().map(Node::from).collect()),
            serde_json::Value::Object(entries) => {
                let entry = |value| Entry { key: At::default(), node: Node::from(value) };
                let entries = entries.into_iter().map(|(key, value)| (key.into(), entry(value)));
                // A JSON object has each key once.
                Value::Map(Map::new(entries.collect()).unwrap_or_default())
            }
        };
        Node { at: At::default(), value }
    }
}

impl Value {
    /// What a person calls this kind of value: `a string`, `a map`, …
    pub fn kind(&self) -> &'static str {
        match self {
            Value::Null => "nothing",
            Value::Boolean(_) => "a boolean",
            Value::Integer(_) | Value::Float(_) => "a number",
            Value::String(_) => "a string",
            Value::List(_) => "a list",
            Value::Map(_) => "a map",
        }
    }
}
