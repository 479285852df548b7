//! The pages that one change of the tree touches, and what the log gets of them.

use spanlock_page_cache::PageMut;

use crate::checksum::SUM_AT;
use crate::log::Change;
use crate::node::{NodeMut, read_u64};

/// Pages that are changed together.
#[derive(Default)]
pub struct Edit<'a> {
    pub pages: Vec<Edited<'a>>,
}

pub struct Edited<'a> {
    pub page: PageMut<'a>,
    pub before: Vec<u8>,
}

impl<'a> Edit<'a> {
    /// Adds a page; returns its place in the edit.
    pub fn add(&mut self, page: PageMut<'a>) -> usize {
        let before = page.to_vec();
        self.pages.push(Edited { page, before });
        self.pages.len() - 1
    }

    pub fn node(&mut self, place: usize) -> NodeMut<'_> {
        NodeMut(&mut self.pages[place].page)
    }

    /// Two nodes, of which the first was added first.
    pub fn two(&mut self, first: usize, second: usize) -> (NodeMut<'_>, NodeMut<'_>) {
        let (head, tail) = self.pages.split_at_mut(second);
        (NodeMut(&mut head[first].page), NodeMut(&mut tail[0].page))
    }
}

impl Edited<'_> {
    /// What is logged of the page.
    pub fn changes(&self, redo: u64) -> Vec<Change> {
        let number = self.page.number();
        let whole = read_u64(&self.before, 0) <= redo;
        let mut changes: Vec<Change> = Vec::new();
        let mut at = 8;
        while at < SUM_AT {
            let end = (at + 8).min(SUM_AT);
            if whole || self.before[at..end] != self.page[at..end] {
                match changes.last_mut().filter(|last| last.offset + last.bytes.len() == at) {
                    Some(last) => last.bytes.extend(&self.page[at..end]),
                    None => {
                        let bytes = self.page[at..end].to_vec();
                        changes.push(Change { page: number, offset: at, bytes });
                    }
                }
            }
            at = end;
        }
        changes
    }
}
