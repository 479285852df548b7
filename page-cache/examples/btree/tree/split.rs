//! Inserting into a full leaf: nodes are split.

use spanlock_page_cache::PageMut;

use super::{Failed, HEIGHT_AT, META, MOST_NEW, NEXT_AT, PAGE, ROOT_AT, Tree};
use crate::edit::{Edit, Edited};
use crate::node::{Key, Kind, Node, Value, read_u64};

impl Tree {
    pub(super) fn put_splitting(&self, key: Key, value: &Value) -> Result<u64, Failed> {
        let meta = loop {
            let meta = self.page_mut(META)?;
            let wanted = read_u64(&meta, NEXT_AT) + MOST_NEW;
            if self.data.len() > wanted * PAGE {
                break meta;
            }
            drop(meta);
            self.reach(wanted)?;
        };
        let (mut number, height) = (read_u64(&meta, ROOT_AT), read_u64(&meta, HEIGHT_AT));
        let mut edit = Edit::default();
        let meta_at = edit.add(meta);
        // The nodes that will be changed: the lowest node that is not full, and those below it.
        let mut path: Vec<PageMut<'_>> = Vec::new();
        for _ in 0..height {
            let page = self.page_mut(number)?;
            if !Node(&page).is_full() {
                path.clear();
            }
            if Node(&page).kind() == Some(Kind::Inner) {
                number = Node(&page).child_of(key);
            }
            path.push(page);
        }
        let path: Vec<usize> = path.into_iter().map(|page| edit.add(page)).collect();
        let mut levels = path.into_iter().rev();
        let leaf = levels.next().expect("a tree has a leaf");
        let is_there = edit.node(leaf).read().search(key).is_ok();
        if is_there || !edit.node(leaf).read().is_full() {
            edit.node(leaf).put(key, value);
            return Ok(self.commit(edit)?);
        }
        let (mut between, mut right) = self.split(&mut edit, meta_at, leaf)?;
        let half = if key < between { leaf } else { edit.pages.len() - 1 };
        edit.node(half).put(key, value);
        for node in levels {
            if !edit.node(node).read().is_full() {
                edit.node(node).put_child(between, right);
                return Ok(self.commit(edit)?);
            }
            let (upper, number) = self.split(&mut edit, meta_at, node)?;
            let half = if between < upper { node } else { edit.pages.len() - 1 };
            edit.node(half).put_child(between, right);
            (between, right) = (upper, number);
        }
        // The root was split.
        let (root, number) = self.fresh(&mut edit, meta_at)?;
        let old = read_u64(&edit.pages[meta_at].page, ROOT_AT);
        edit.node(root).format(Kind::Inner, old);
        edit.node(root).put_child(between, right);
        let mut meta = edit.pages[meta_at].noted();
        meta.write_u64(ROOT_AT, number);
        meta.write_u64(HEIGHT_AT, height + 1);
        Ok(self.commit(edit)?)
    }

    /// Splits a node of an edit. Returns the key between the halves, and the number of the right one.
    fn split<'a>(
        &'a self,
        edit: &mut Edit<'a>,
        meta: usize,
        node: usize,
    ) -> Result<(Key, u64), Failed> {
        let (right, number) = self.fresh(edit, meta)?;
        let (mut left, mut right) = edit.two(node, right);
        Ok((left.split(&mut right, number), number))
    }

    /// Adds an unused page to an edit.
    fn fresh<'a>(&'a self, edit: &mut Edit<'a>, meta: usize) -> Result<(usize, u64), Failed> {
        let number = read_u64(&edit.pages[meta].page, NEXT_AT);
        let page = match self.page_mut(number) {
            Ok(page) => page,
            Err(failed) => {
                // Undo all changes of this edit.
                for Edited { page, before, .. } in &mut edit.pages {
                    page.copy_from_slice(before);
                }
                return Err(failed);
            }
        };
        edit.pages[meta].noted().write_u64(NEXT_AT, number + 1);
        Ok((edit.add(page), number))
    }
}
