//! `Handle`: what keeps a file open.

use std::sync::Arc;

use crate::files::inode::Inode;
use crate::files::store_access::nested::{is_inside, is_inside_hook};

/// What keeps a file open: its `File`s and its mappings have it in common.
pub(crate) struct Handle {
    pub(crate) inode: Arc<Inode>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        let frames = &self.inode.cache.frames;
        let is_in_hook = self.inode.before_writeback.is_some() && is_inside_hook(frames);
        if !is_inside(frames) && !is_in_hook {
            return self.inode.close_while_it_answers();
        }
        // It was dropped inside a store or a hook, whose caller may hold what closing waits for.
        if self.inode.close_elsewhere(()).is_err() {
            self.inode.close();
        }
    }
}
