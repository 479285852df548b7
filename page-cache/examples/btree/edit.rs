//! The pages that one change of the tree touches, and what is logged of them.

use spanlock_page_cache::PageMut;

use crate::node::{NodeMut, read_u64};
use crate::steps::{Noted, Step, log, logged};

/// Pages that are changed together.
#[derive(Default)]
pub struct Edit<'a> {
    pub pages: Vec<Edited<'a>>,
}

pub struct Edited<'a> {
    pub page: PageMut<'a>,
    pub before: Vec<u8>,
    steps: Vec<Step>,
}

impl<'a> Edit<'a> {
    /// Adds a page, and returns its index in the edit.
    pub fn add(&mut self, page: PageMut<'a>) -> usize {
        let before = page.to_vec();
        self.pages.push(Edited { page, before, steps: Vec::new() });
        self.pages.len() - 1
    }

    pub fn node(&mut self, place: usize) -> NodeMut<'_> {
        NodeMut(self.pages[place].noted())
    }

    /// Two nodes. The first must have been added before the second.
    pub fn two(&mut self, first: usize, second: usize) -> (NodeMut<'_>, NodeMut<'_>) {
        let (head, tail) = self.pages.split_at_mut(second);
        (NodeMut(head[first].noted()), NodeMut(tail[0].noted()))
    }
}

impl Edited<'_> {
    /// The bytes of the page. Changes that are made to them are logged.
    pub fn noted(&mut self) -> Noted<'_> {
        Noted { bytes: &mut self.page, steps: &mut self.steps }
    }

    /// Adds the changes of the page to a record.
    pub fn log(&self, redo: u64, record: &mut Vec<u8>) {
        let steps = logged(&self.steps, read_u64(&self.before, 0), redo);
        if steps.is_empty() {
            return;
        }
        #[cfg(debug_assertions)]
        let start = record.len();
        log(steps, self.page.number(), &self.page, record);
        #[cfg(debug_assertions)]
        {
            let mut again = self.before.clone();
            let mut rest = &record[start..];
            crate::steps::Logged::take(&mut rest).expect("it was logged").redo(&mut again);
            assert!(*again == *self.page, "page {}: {steps:?}", self.page.number());
        }
    }
}
