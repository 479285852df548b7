//! The hook before writeback of a file.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use spanlock_page_cache::{DirtyPage, File, FileOptions, MemStore, PageCache};

use super::closing;
use crate::oracle::tags::Tags;
use crate::report::finding::{Finding, What};
use crate::stores::faults::Faults;

/// A hook, which makes a log on the same cache durable before bytes with a tag are sent. It refuses some requests of
/// a file whose store fails.
#[derive(Clone)]
pub struct Hook {
    /// How many pages it was called with.
    pages: Arc<AtomicU64>,
    log: File,
    tags: Arc<Tags>,
    faults: Arc<Faults>,
}

impl Hook {
    /// Of a file whose pages may have these tags.
    pub fn new(cache: &PageCache, tags: Arc<Tags>, faults: Arc<Faults>) -> io::Result<Hook> {
        Ok(Hook { pages: Arc::default(), log: cache.open(MemStore::new())?, tags, faults })
    }

    pub fn tags(&self) -> Arc<Tags> {
        Arc::clone(&self.tags)
    }

    /// Options with this hook.
    pub fn called_by(&self, options: FileOptions) -> FileOptions {
        let hook = self.clone();
        options.before_writeback(move |pages| hook.call(pages))
    }

    fn call(&self, pages: &[DirtyPage]) -> io::Result<()> {
        // ORDERING: relaxed: the writeback that follows is counted by the same thread, and read before this.
        self.pages.fetch_add(pages.len() as u64, Ordering::Relaxed);
        let in_order = pages.windows(2).all(|pair| pair[0].range.start < pair[1].range.start);
        if !in_order {
            return Err(io::Error::other(format!("the hook was called with {pages:?}")));
        }
        let (consent, asked) = self.faults.consent();
        self.tags.announce(pages, consent);
        let newest = pages.iter().map(|page| page.newest_tag).max().unwrap_or(0);
        if newest > 0 && asked.is_ok() {
            self.log.write_all_at(&newest.to_le_bytes(), newest % 1000 * 8)?;
            self.log.sync_data()?;
        }
        asked
    }
}

/// A finding, if more pages of a cache were written back than the hooks of its files were called with. Only the logs have
/// no hook.
pub fn unannounced<'a>(
    cache: &PageCache,
    hooks: impl Iterator<Item = &'a Hook>,
) -> Option<Finding> {
    let sent = cache.stats().writebacks;
    let known: u64 =
        hooks.map(|hook| hook.pages.load(Ordering::Relaxed) + hook.log.stats().writebacks).sum();
    let message =
        format!("{sent} pages were written back, and hooks and logs have {known} of them");
    (sent > known).then(|| closing("the count of pages", What::Refused(io::Error::other(message))))
}
