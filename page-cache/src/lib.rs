//! An embedded page cache for storage engines, built on the range lock of the crate `spanlock`.
//!
//! Open a [`Store`] (a [`FileStore`], a [`MemStore`] or your own) in a [`PageCache`], and use the [`File`]:
//!
//! | to | use |
//! | --- | --- |
//! | read and write through the cache | [`File::read_at`], [`File::write_at`], [`File::append`] |
//! | bypass the cache, coherently | [`File::read_direct_at`], [`File::write_direct_at`] |
//! | access the file through a mapping | [`File::map`], [`Mapping`] |
//! | make writes durable | [`File::sync_data`], [`File::sync_all`], [`File::close`] |
//! | change size and extents | [`File::set_len`], [`File::punch_hole`], [`File::zero_range`], [`File::allocate`], [`File::collapse_range`], [`File::insert_range`] |
//! | write every byte to the store before a write returns | [`FileOptions::write_through`] |
//! | find out why a request failed | [`File::last_failure`], [`Failure`] |
//!
//! All of these may run on one file at the same time, from any number of threads.
//!
//! # Examples
//!
//! ```
//! use spanlock_page_cache::{MemStore, PageCache};
//!
//! let cache = PageCache::new(64);
//! let file = cache.open(MemStore::new())?;
//! file.write_all_at(b"through the cache", 10_000)?;
//!
//! let mapping = file.map(8192..12_288)?;
//! let mut seen = [0; 5];
//! mapping.load(10_012 - 8192, &mut seen)?;
//! assert_eq!(&seen, b"cache");
//!
//! file.punch_hole(8192, 4096)?;
//! file.read_exact_at(&mut seen, 10_012)?;
//! assert_eq!(&seen, &[0; 5]);
//! # std::io::Result::Ok(())
//! ```

#![cfg_attr(
    not(feature = "model"),
    allow(dead_code, reason = "parts of it serve the model alone; builds with it have the lint")
)]
#![cfg_attr(docsrs, feature(doc_cfg))]

mod allocate;
mod append;
mod backing;
mod buffered_read;
mod buffered_write;
mod cache;
mod clear;
mod close;
mod commit;
mod direct;
mod dirty;
mod dirty_ranges;
mod error;
mod extend;
mod failure;
mod fault;
mod file;
mod file_options;
mod fill;
mod flusher;
mod frame;
#[cfg(spanlock_shuttle)]
pub mod gallery;
mod identity;
mod index;
mod inode;
mod invalidate;
mod leaf;
mod limit;
mod loans;
mod mapped;
mod memory;
#[cfg(feature = "model")]
mod mm;
mod nested;
#[cfg(test)]
mod observed;
mod operation_lock;
mod order;
mod page_table;
mod pageout;
#[cfg(feature = "model")]
mod path_lock;
mod prepare;
mod punch;
mod readahead;
mod reclaim;
#[cfg(all(test, spanlock_shuttle))]
mod schedules;
mod shift;
mod standing;
mod stats;
mod store;
mod sync;
mod sync_group;
mod throttle;
#[cfg(spanlock_shuttle)]
mod trace;
mod truncate;
mod unclean;
mod unstable;
mod unwind;
mod visit;
mod write_errors;
mod write_through;
mod writeback;
mod zero_range;

pub use cache::{Options, PageCache};
pub use extend::Length;
pub use failure::Failure;
pub use file::{CloseError, File};
pub use file_options::FileOptions;
pub use identity::Identity;
pub use mapped::Mapping;
#[cfg(feature = "model")]
pub use mm::AddressSpace;
#[cfg(feature = "model")]
pub use path_lock::{PathLock, Unlocked, WholeFile, WholeFileGuard};
pub use stats::{Claims, Stats};
pub use store::{FileStore, Locking, MemStore, Store};

/// Bytes in a page.
///
/// # Examples
///
/// ```
/// use spanlock_page_cache::{MemStore, PAGE_SIZE, PageCache};
///
/// let file = PageCache::new(64).open(MemStore::new())?;
/// assert!(file.map(PAGE_SIZE as u64..u64::MAX).is_ok());
/// assert!(file.map(1..u64::MAX).is_err());
/// # std::io::Result::Ok(())
/// ```
pub const PAGE_SIZE: usize = 4096;

/// The examples of the README are tested with the others.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
