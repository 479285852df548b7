//! Statistics as text.

use std::fmt;

use super::CacheStats;
use super::latency::StoreRequests;

/// Writes a short text for people to read: the pages in the cache now, the hits and misses, the pages that were read,
/// written, evicted and lost, and one line for each kind of request to the stores. Programs should use the fields.
///
/// # Examples
///
/// ```
/// use spanlock_page_cache::{MemStore, PageCache};
///
/// let cache = PageCache::new(64);
/// let file = cache.open(MemStore::new())?;
/// file.write_all_at(b"bytes", 0)?;
/// let table = cache.stats().to_string();
/// assert!(table.starts_with("pages: 1 cached, 1 dirty, 0 unstable, of 1 file(s)\n"), "{table}");
/// # std::io::Result::Ok(())
/// ```
impl fmt::Display for CacheStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let CacheStats { resident, dirty, unstable, files, kept, .. } = self;
        let CacheStats { hits, misses, fills, read_ahead, .. } = self;
        let CacheStats { writebacks, pageouts, evictions, lost_pages, lost_bytes, .. } = self;
        writeln!(
            f,
            "pages: {resident} cached, {dirty} dirty, {unstable} unstable, of {files} file(s)"
        )?;
        if *kept > 0 {
            writeln!(f, "kept: {kept} of these pages, of closed files")?;
        }
        write!(f, "found: {hits} hits, {misses} misses")?;
        // A share of nothing is left out.
        match hits + misses {
            0 => writeln!(f)?,
            all => writeln!(f, ", {:.1} % hits", *hits as f64 * 100.0 / all as f64)?,
        }
        writeln!(f, "read: {fills} pages, {read_ahead} of them ahead")?;
        writeln!(f, "written: {writebacks} pages, {pageouts} requests for eviction")?;
        writeln!(f, "evicted: {evictions} pages")?;
        if *lost_pages > 0 {
            writeln!(f, "lost: {lost_bytes} bytes in {lost_pages} pages")?;
        }
        let kinds = [
            ("reads", &self.store_reads),
            ("writes", &self.store_writes),
            ("syncs", &self.store_syncs),
            ("others", &self.store_others),
        ];
        let lines = kinds.map(|(kind, requests)| format!("store {kind}: {requests}"));
        f.write_str(&lines.join("\n"))
    }
}

/// Writes one line: the number of requests, the number of those that failed, and the times within which half of them,
/// 99 % of them and all of them were answered. The times are left out if there were no requests.
///
/// # Examples
///
/// ```
/// use spanlock_page_cache::{MemStore, PageCache};
///
/// let file = PageCache::new(64).open(MemStore::new())?;
/// assert_eq!(file.stats().store_syncs.to_string(), "0 requests, 0 errors");
/// # std::io::Result::Ok(())
/// ```
impl fmt::Display for StoreRequests {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} requests, {} errors", self.requests, self.errors)?;
        if self.requests == 0 {
            return Ok(());
        }
        // The quantiles are those of a histogram, and may exceed the longest.
        let [half, most] = [0.5, 0.99].map(|share| self.quantile(share).min(self.longest));
        write!(f, ", half in {half:.1?}, 99 % in {most:.1?}, all in {:.1?}", self.longest)
    }
}
