//! An embedded page cache for storage engines, built on the range lock of the crate `spanlock`.
//!
//! Open a [`Store`] (a [`FileStore`], a [`MemStore`] or your own) in a [`PageCache`], and use the [`File`]:
//!
//! | to | use |
//! | --- | --- |
//! | read and write through the cache | [`File::read_at`], [`File::write_at`], [`File::append`] |
//! | use the bytes of a page in the cache, without a copy | [`File::page`], [`File::page_mut`], [`File::pages_mut`], [`File::pin`], [`PageRef::into_owned`] |
//! | the same in asynchronous tasks | [`File::page_async`], [`File::page_mut_async`], [`File::pin_async`] |
//! | bypass the cache, coherently | [`File::read_direct_at`], [`File::write_direct_at`] |
//! | access the file through a mapping | [`File::map`], [`Mapping`] |
//! | make writes durable | [`File::sync_data`], [`File::sync_all`], [`File::close`] |
//! | make each write durable as it returns | [`File::with_durability`], [`File::write_at_durable`], [`File::append_durable`] |
//! | make all files durable | [`PageCache::sync_all`], [`PageCache::sync_all_for`] |
//! | copy between files of the cache | [`File::copy_range_to`] |
//! | change size and extents | [`File::set_len`], [`File::punch_hole`], [`File::zero_range`], [`File::allocate`], [`File::collapse_range`], [`File::insert_range`] |
//! | write every byte to the store before a write returns | [`FileOptions::write_through`] |
//! | write a log before the pages, and take checkpoints | [`FileOptions::before_writeback`], [`File::write_at_tagged`], [`File::dirty_pages`], [`File::sync_up_to`] |
//! | checksum or encrypt the pages in the store | [`FileOptions::transform`] |
//! | read pages before they are needed, or evict them | [`File::will_need`], [`File::dont_need`], [`File::drop_cached`] |
//! | find out why a request failed | [`File::last_failure`], [`Failure`] |
//!
//! All of these may run on one file at the same time, from any number of threads.
//!
//! Most methods may block: they wait for locks, for other threads and for stores. In asynchronous code, call them on
//! threads for blocking work (`spawn_blocking`). [`File::page_async`], [`File::page_mut_async`] and [`File::pin_async`]
//! use such a thread only if they have to wait. Page guards are not `Send`, and neither is a future that holds one
//! across an `.await`; pins are.
//!
//! # Terms
//!
//! - *Page*: a part of a file, of [`PageCache::page_size`] bytes. The pages of a file are numbered from
//!   zero.
//! - *Frame*: the memory for one page. A cache has [`PageCache::capacity`] frames.
//! - *Dirty*: a page is dirty if it contains bytes that have not been written to the store yet. *Writeback*
//!   writes them.
//! - *Flusher*: the threads of a cache that write dirty pages back in the background.
//! - *Durable*: bytes are durable if they survive a crash. A sync of the store makes the bytes durable that
//!   were written to it before.
//! - *Size and extent changes*: [`File::set_len`], [`File::punch_hole`], [`File::zero_range`],
//!   [`File::allocate`], [`File::collapse_range`] and [`File::insert_range`].
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

#[cfg(not(any(unix, windows)))]
compile_error!(
    "spanlock-page-cache needs threads, and files that are read and written at an offset: it builds for Unix and \
     Windows only"
);

mod cache;
mod diagnostics;
mod error;
mod file;
mod files;
#[cfg(spanlock_shuttle)]
pub mod gallery;
mod guards;
mod mapping;
#[cfg(test)]
mod observed;
mod operations;
mod options;
mod order;
mod page;
mod pages;
mod request_memory;
#[cfg(all(test, spanlock_shuttle))]
mod schedules;
mod seat;
mod stats;
mod store;
mod sync;
mod unwind;
mod writeback;

// The last, so that rustdoc lists what it adds to `File` and `PageCache` after the rest.
#[cfg(feature = "model")]
mod address_space;

#[cfg(feature = "model")]
pub use address_space::AddressSpace;
pub use cache::{PageCache, SyncError};
pub use file::{BlockingWork, CloseError, Durability, File};
pub use files::failure::Failure;
pub use files::length::Length;
#[cfg(feature = "model")]
#[doc(hidden)]
pub use files::operation_lock::model::OperationLock as PathLock;
#[cfg(feature = "model")]
pub use files::operation_lock::model::{OperationLock, Unlocked, WholeFile, WholeFileGuard};
pub use guards::{OwnedPageMut, OwnedPageRef, PageMut, PagePin, PageRef};
pub use mapping::Mapping;
pub use options::{FileOptions, Options, PageTransform};
pub use page::{DirtyPage, PAGE_SIZE};
pub use stats::latency::StoreRequests;
pub use stats::of_file::FileStats;
pub use stats::{CacheStats, ClaimCounts};
pub use store::identity::Identity;
pub use store::version::Version;
pub use store::{FileStore, FileStoreOptions, Locking, MemStore, Store, StoreLayer};

/// The former name of [`CacheStats`].
#[doc(hidden)]
#[deprecated(note = "renamed to `CacheStats`, since the lock's package has `Stats`")]
pub type Stats = CacheStats;

/// The former name of [`ClaimCounts`].
#[doc(hidden)]
#[deprecated(note = "renamed to `ClaimCounts`")]
pub type Claims = ClaimCounts;

/// The examples of the README are tested with the others.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
