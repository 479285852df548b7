//! `Handle`: what keeps a file open.

use std::sync::Arc;

use crate::files::inode::Inode;
use crate::files::nested::is_inside;
use crate::sync::thread;

/// What keeps a file open: its `File`s and its mappings have it in common.
pub(crate) struct Handle {
    pub(crate) inode: Arc<Inode>,
}

impl Drop for Handle {
    fn drop(&mut self) {
        if !is_inside(&self.inode.cache.frames) {
            return self.inode.close();
        }
        // A store has dropped it, whose caller may hold what closing waits for.
        let inode = Arc::clone(&self.inode);
        let closer = thread::Builder::new().name("page-closer".into());
        if closer.spawn(move || inode.close()).is_err() {
            self.inode.close();
        }
    }
}
