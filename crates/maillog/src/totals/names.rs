//! Names and how much mail each had: as many as there is room for, the rest in one sum.

use hashbrown::HashTable;

use super::Flow;
use crate::hash::hash;

/// Names of one kind; mail of further ones is summed up without their names.
pub const MAX_NAMES: usize = 250_000;

/// A longer name is cut: no address is longer.
const MAX_NAME: usize = 320;

/// Names with their mail.
#[derive(Clone, Debug)]
pub struct Names {
    seed: u64,
    table: HashTable<(u64, Box<[u8]>, Flow)>,
    rest: Flow,
}

impl Names {
    pub(super) fn new(seed: u64) -> Self {
        Self { seed, table: HashTable::new(), rest: Flow::default() }
    }

    pub(super) fn add(&mut self, name: &[u8], bytes: u64) {
        let name = &name[..name.len().min(MAX_NAME)];
        let key = hash(self.seed, name);
        if let Some((_, _, flow)) = self.table.find_mut(key, |(of, known, _)| *of == key && **known == *name) {
            return flow.add(bytes);
        }
        if self.table.len() >= MAX_NAMES {
            return self.rest.add(bytes);
        }
        let mut flow = Flow::default();
        flow.add(bytes);
        self.table.insert_unique(key, (key, name.into(), flow), |(of, ..)| *of);
    }

    /// How many names there are; there are more when [`rest`](Self::rest) is not zero.
    pub fn len(&self) -> usize {
        self.table.len()
    }

    pub fn is_empty(&self) -> bool {
        self.table.is_empty()
    }

    /// Mail of names for which there was no room.
    pub fn rest(&self) -> Flow {
        self.rest
    }

    /// Each name with its mail, those with the most messages first.
    pub fn most(&self) -> Vec<(&[u8], Flow)> {
        let mut names: Vec<_> = self.table.iter().map(|(_, name, flow)| (&**name, *flow)).collect();
        names.sort_unstable_by(|a, b| b.1.messages.cmp(&a.1.messages).then(a.0.cmp(b.0)));
        names
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_beyond_the_bound_are_summed_up() {
        let mut names = Names::new(7);
        for number in 0..MAX_NAMES + 2 {
            names.add(number.to_string().as_bytes(), 1);
        }
        names.add(b"7", 5);
        assert_eq!((names.len(), names.rest()), (MAX_NAMES, Flow { messages: 2, bytes: 2 }));
        assert_eq!(names.most()[0], (&b"7"[..], Flow { messages: 2, bytes: 6 }));
    }
}
