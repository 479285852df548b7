//! `AddressSpace`: a model of a process's memory.
//!
//! Its addresses, its lock and its page tables are its own. It models what a page cache can get
//! wrong: memory that is not present, that is evicted at any time, or that is a mapping of the file
//! that is being read or written.
//!
//! An access to one page:
//!
//! 1. Walk the page tables without the mm lock, as hardware does: find the region and its entry for
//!    the page. If the page is present with the required rights, copy.
//! 2. Otherwise fault: take the mm lock shared, find the region again, make the page present or
//!    fail for a bad address, and release the lock. Then walk again: the page may have been evicted
//!    meanwhile.
//!
//! With faults disabled step 2 is left out, and step 1 waits for nothing but a leaf: neither for a
//! thread that changes the regions, nor for one that copies to or from the frame. It is done under
//! the page lock and the latch of another page, or of the same one, and **no thread waits while it
//! holds the latch of an uptodate page**.
//!
//! A fault holds the mm lock shared; mapping, unmapping and populating hold it exclusively. It is
//! fair, like the kernel's: a thread that waits for it exclusively delays later readers. Eviction
//! does not take it: it takes the page lock of each page, and none for an anonymous page.

mod anonymous;
mod file_requests;
mod hooks;
mod mm_lock;
mod region;
mod tables;
mod transfer;
mod user;

use std::fmt;
use std::io;
use std::ops::Range;

use self::anonymous::Anonymous;
use self::hooks::Hooks;
pub(crate) use self::hooks::Point;
use self::mm_lock::{MmClaim, MmExclusive, MmLock, MmShared};
use self::region::{Mapped, Region};
use self::tables::Tables;
pub(crate) use self::transfer::Transfer;
use crate::error::Request;
use crate::pages::page_table::Rights;
use crate::{File, PAGE_SIZE};

const PAGE: u64 = PAGE_SIZE as u64;

/// A model of a process's memory: anonymous pages, and mapped files of caches. Available with the feature
/// `model`.
///
/// Reads and writes, buffered and direct, can use it as their memory: see [`File::write_from`] and
/// [`File::read_into`]. That memory may be a mapping of the range that is being read or written.
///
/// Addresses are never reused: an unmapped address stays invalid.
///
/// # Examples
///
/// ```
/// use spanlock_page_cache::{AddressSpace, MemStore, PageCache};
///
/// let file = PageCache::new(64).open(MemStore::new())?;
/// let memory = AddressSpace::new();
/// let buffer = memory.map_anonymous(8192)?;
/// memory.store(buffer.start, b"from memory")?;
/// assert_eq!(file.write_from(&memory, &[buffer.start..buffer.start + 11], 0)?, 11);
///
/// let mapped = memory.map_file(&file, 0..4096)?;
/// let mut seen = [0; 6];
/// memory.load(mapped.start + 5, &mut seen)?;
/// assert_eq!(&seen, b"memory");
/// # std::io::Result::Ok(())
/// ```
pub struct AddressSpace {
    mm: MmLock,
    tables: Tables,
    hooks: Hooks,
}

impl AddressSpace {
    /// Creates an empty address space.
    ///
    /// # Examples
    ///
    /// ```
    /// let memory: spanlock_page_cache::AddressSpace = spanlock_page_cache::AddressSpace::new();
    /// assert!(memory.load(0, &mut [0]).is_err());
    /// ```
    #[must_use]
    pub fn new() -> AddressSpace {
        AddressSpace { mm: MmLock::new(), tables: Tables::new(), hooks: Hooks::default() }
    }

    /// Maps `len` bytes of zeroes, rounded up to whole pages, and returns their addresses.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if `len` is zero. `OutOfMemory` if no addresses are left.
    ///
    /// # Examples
    ///
    /// ```
    /// let memory: spanlock_page_cache::AddressSpace = Default::default();
    /// let buffer = memory.map_anonymous(5000)?;
    /// assert_eq!(buffer.end - buffer.start, 8192);
    /// let mut seen = [0xff; 3];
    /// memory.load(buffer.end - 3, &mut seen)?;
    /// assert_eq!(seen, [0; 3]);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn map_anonymous(&self, len: u64) -> io::Result<Range<u64>> {
        let backing = Mapped::Anonymous(Anonymous::new().into());
        self.map(0, len, backing).map_err(|error| Request::new("map", 0, len).failed(error))
    }

    /// Maps `range` of a file, in bytes, and returns its addresses. The range must start at a page
    /// boundary, and may extend past the end of the file. The mapping keeps the file open.
    ///
    /// # Errors
    ///
    /// As [`File::map`]. `InvalidInput` also if the range is empty. `OutOfMemory` if no addresses are left.
    ///
    /// # Examples
    ///
    /// ```
    /// use spanlock_page_cache::{AddressSpace, MemStore, PageCache};
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.set_len(4096)?;
    /// let memory = AddressSpace::new();
    /// let mapped = memory.map_file(&file, 0..4096)?;
    /// memory.store(mapped.start + 10, b"stored")?;
    /// let mut seen = [0; 6];
    /// file.read_exact_at(&mut seen, 10)?;
    /// assert_eq!(&seen, b"stored");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn map_file(&self, file: &File, range: Range<u64>) -> io::Result<Range<u64>> {
        let (start, len) = (range.start, range.end.saturating_sub(range.start));
        let request = Request::of_range("map", start, range.end);
        let backing = Mapped::File(file.map(range)?.into());
        self.map(start, len, backing).map_err(|error| request.failed(error))
    }

    fn map(&self, offset: u64, len: u64, backing: Mapped) -> io::Result<Range<u64>> {
        let _mm = self.lock_exclusive();
        self.tables.change(|regions| regions.add(offset, len, backing))
    }

    /// Unmaps the pages of 4096 bytes that the addresses touch. Pages that are not mapped are ignored. An
    /// empty range has no effect.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the range is inverted or does not start at a page boundary.
    ///
    /// # Examples
    ///
    /// ```
    /// let memory: spanlock_page_cache::AddressSpace = Default::default();
    /// let buffer = memory.map_anonymous(8192)?;
    /// memory.unmap(buffer.start..buffer.start + 4096)?;
    /// assert!(memory.load(buffer.start, &mut [0]).is_err());
    /// assert!(memory.load(buffer.start + 4096, &mut [0]).is_ok());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn unmap(&self, addresses: Range<u64>) -> io::Result<()> {
        let range = whole_pages("unmap", &addresses)?;
        let mm = self.lock_exclusive();
        let gone = self.tables.change(|regions| regions.remove(range));
        drop(mm);
        // Removing a region may drop the last handle of its file, and closing writes and waits.
        drop(gone);
        Ok(())
    }

    /// Faults in all pages that the addresses touch, and holds the lock of the address space exclusively
    /// meanwhile, as `mlock` of early kernels did. An empty range has no effect.
    ///
    /// # Errors
    ///
    /// As [`load`](AddressSpace::load). `InvalidInput` also if the range is inverted or does not start at a
    /// page boundary.
    ///
    /// # Examples
    ///
    /// ```
    /// let memory: spanlock_page_cache::AddressSpace = Default::default();
    /// let buffer = memory.map_anonymous(8192)?;
    /// memory.populate(buffer.clone())?;
    /// assert!(memory.populate(buffer.end..buffer.end + 1).is_err());
    /// # std::io::Result::Ok(())
    /// ```
    pub fn populate(&self, addresses: Range<u64>) -> io::Result<()> {
        let range = whole_pages("populate", &addresses)?;
        let request = Request::new("populate", range.start, range.end - range.start);
        let mm = self.lock_exclusive();
        for page in range.step_by(PAGE_SIZE) {
            self.fault(page, Rights::Read, &mm).map_err(|error| request.failed(error))?;
        }
        Ok(())
    }

    /// Evicts the pages that the addresses touch: an anonymous page goes to swap, a file's page loses its
    /// page table entry. The next access faults. An empty range has no effect.
    ///
    /// # Errors
    ///
    /// As [`unmap`](AddressSpace::unmap).
    ///
    /// # Examples
    ///
    /// ```
    /// let memory: spanlock_page_cache::AddressSpace = Default::default();
    /// let buffer = memory.map_anonymous(4096)?;
    /// memory.store(buffer.start, b"kept")?;
    /// memory.evict(buffer.clone())?;
    /// let mut seen = [0; 4];
    /// memory.load(buffer.start, &mut seen)?;
    /// assert_eq!(&seen, b"kept");
    /// # std::io::Result::Ok(())
    /// ```
    pub fn evict(&self, addresses: Range<u64>) -> io::Result<()> {
        let range = whole_pages("evict", &addresses)?;
        // Page locks come before a walk.
        let regions = self.tables.walk().in_range(&range);
        for region in regions {
            region.evict(range.start.max(region.range.start)..range.end.min(region.range.end));
        }
        Ok(())
    }

    /// Takes the mm lock as a fault does.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn lock_shared(&self) -> MmShared<'_> {
        self.mm.shared()
    }

    /// Takes the mm lock as a change of the regions does.
    #[cfg_attr(debug_assertions, track_caller)]
    pub(crate) fn lock_exclusive(&self) -> MmExclusive<'_> {
        self.mm.exclusive()
    }

    /// Makes the page of an address present. It may have been evicted again when this returns.
    ///
    /// Fails with `InvalidInput` where a machine would raise SIGSEGV, with `UnexpectedEof` where it
    /// would raise SIGBUS, and with what the store says.
    pub(crate) fn fault(&self, address: u64, rights: Rights, _mm: &impl MmClaim) -> io::Result<()> {
        let region = self.region_at(address).ok_or_else(|| bad_address(address))?;
        region.fault(address, rights)
    }

    /// Makes the pages of a range present, each under the mm lock held shared, and returns how many
    /// bytes from the start on can be accessed then: fewer where an address is bad.
    ///
    /// An empty range is no memory, and succeeds. Fails as `fault`, if the first address is bad.
    pub(crate) fn fault_in(&self, range: Range<u64>, rights: Rights) -> io::Result<u64> {
        let mut address = range.start;
        while address < range.end {
            if let Err(error) = self.fault_in_page(address, rights) {
                return if address > range.start { Ok(address - range.start) } else { Err(error) };
            }
            address = next_page(address).min(range.end);
        }
        self.hooks.reach(Point::FaultedIn);
        Ok(range.end.saturating_sub(range.start))
    }

    fn fault_in_page(&self, address: u64, rights: Rights) -> io::Result<()> {
        if let Some(region) = self.region_at(address) {
            if region.is_present(address, rights) {
                return Ok(());
            }
            // The store that follows finds out whether the page may be dirty.
            region.throttle(rights)?;
        }
        self.fault(address, rights, &self.lock_shared())
    }

    fn region_at(&self, address: u64) -> Option<Region> {
        self.tables.walk().at(address).cloned()
    }

    /// Whether a thread waits for the mm lock.
    #[cfg(test)]
    pub(crate) fn is_waited_for(&self) -> bool {
        self.mm.is_waited_for()
    }

    /// Calls `hook` at each point of an access.
    #[cfg(test)]
    pub(crate) fn set_hook(&self, hook: impl Fn(Point) + Send + Sync + 'static) {
        self.hooks.set(hook);
    }
}

impl Default for AddressSpace {
    fn default() -> AddressSpace {
        AddressSpace::new()
    }
}

impl fmt::Debug for AddressSpace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AddressSpace")
            .field("mapped", &self.tables.walk().ranges())
            .finish_non_exhaustive()
    }
}

/// The whole pages that a range of addresses touches.
fn whole_pages(operation: &'static str, addresses: &Range<u64>) -> io::Result<Range<u64>> {
    let Range { start, end } = *addresses;
    if start <= end && start.is_multiple_of(PAGE) {
        return Ok(start..end.checked_next_multiple_of(PAGE).unwrap_or(u64::MAX));
    }
    let message = format!("{start:#x}..{end:#x} is inverted, or does not start at a page");
    let error = io::Error::new(io::ErrorKind::InvalidInput, message);
    Err(Request::of_range(operation, start, end).failed(error))
}

fn next_page(address: u64) -> u64 {
    (address / PAGE + 1).saturating_mul(PAGE)
}

fn bad_address(address: u64) -> io::Error {
    let message = format!("nothing is mapped at {address:#x} (SIGSEGV)");
    io::Error::new(io::ErrorKind::InvalidInput, message)
}

#[cfg(test)]
mod tests;
