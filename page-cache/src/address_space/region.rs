//! Regions: what is mapped at which addresses.

use std::collections::BTreeMap;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::PAGE;
use super::anonymous::Anonymous;
use super::transfer::Transfer;
use crate::Mapping;
use crate::mapping::Blocking;
use crate::pages::page_table::Rights;
use crate::writeback::throttle::Room;

/// No address below this is ever mapped, so that a null pointer with an offset is a bad address.
const FIRST: u64 = 1 << 16;

/// No address from here on is ever mapped, as on the machines that this models.
const LAST: u64 = 1 << 47;

/// The addresses of one mapping.
pub(super) struct Region {
    pub(super) range: Range<u64>,
    /// The backing's byte at the start.
    offset: u64,
    backing: Mapped,
}

/// What is mapped.
pub(super) enum Mapped {
    Anonymous(Arc<Anonymous>),
    File(Arc<Mapping>),
}

impl Clone for Mapped {
    fn clone(&self) -> Mapped {
        match self {
            Mapped::Anonymous(memory) => Mapped::Anonymous(Arc::clone(memory)),
            Mapped::File(mapping) => Mapped::File(Arc::clone(mapping)),
        }
    }
}

impl Clone for Region {
    fn clone(&self) -> Region {
        self.part(self.range.clone())
    }
}

impl Region {
    /// The part of the region with some of its addresses.
    fn part(&self, range: Range<u64>) -> Region {
        let offset = self.at(range.start);
        Region { range, offset, backing: self.backing.clone() }
    }

    /// Copies to or from one page, if it is present with the rights for it; whether it was.
    pub(super) fn access(&self, address: u64, part: Transfer<'_>, blocking: Blocking) -> bool {
        let (page, within) = self.place(address);
        match &self.backing {
            Mapped::Anonymous(memory) => memory.access(page, |bytes| part.copy(bytes, within)),
            Mapped::File(mapping) => match part {
                Transfer::Load(to) => mapping.load_mapped(page, within, to, blocking),
                Transfer::Store(from) => mapping.store_mapped(page, within, from, blocking),
            },
        }
    }

    pub(super) fn is_present(&self, address: u64, rights: Rights) -> bool {
        match &self.backing {
            Mapped::Anonymous(memory) => memory.is_present(self.page(address)),
            Mapped::File(mapping) => mapping.maps(self.page(address), rights),
        }
    }

    /// Writes back pages of a file, before a fault and without the mm lock, so that one more may be dirty.
    pub(super) fn throttle(&self, rights: Rights) -> io::Result<Room> {
        match (&self.backing, rights) {
            (Mapped::File(mapping), Rights::ReadWrite) => mapping.throttle(),
            _ => Ok(Room::Made),
        }
    }

    /// Stores within one page of a file, and to the file's store, if other files have all the pages that may
    /// be dirty; whether it did. The caller does not hold the mm lock.
    pub(super) fn store_through(&self, address: u64, from: &[u8]) -> io::Result<bool> {
        let Mapped::File(mapping) = &self.backing else { return Ok(false) };
        let (page, within) = self.place(address);
        if mapping.maps(page, Rights::ReadWrite) || mapping.throttle()? == Room::Made {
            return Ok(false);
        }
        mapping.store_through(page, within, from).map(|()| true)
    }

    /// Makes the page of an address present.
    pub(super) fn fault(&self, address: u64, rights: Rights) -> io::Result<()> {
        match &self.backing {
            Mapped::Anonymous(memory) => {
                memory.fault(self.page(address));
                Ok(())
            }
            Mapped::File(mapping) => mapping.fault(self.page(address), rights),
        }
    }

    /// Takes whole pages out of memory.
    pub(super) fn evict(&self, addresses: Range<u64>) {
        let bytes = self.at(addresses.start)..self.at(addresses.end);
        match &self.backing {
            Mapped::Anonymous(memory) => memory.evict(bytes.start / PAGE..bytes.end / PAGE),
            Mapped::File(mapping) => mapping.evict(bytes),
        }
    }

    /// The backing's byte at an address.
    fn at(&self, address: u64) -> u64 {
        self.offset.saturating_add(address - self.range.start)
    }

    fn page(&self, address: u64) -> u64 {
        self.place(address).0
    }

    /// The backing's page at an address, and where in it. The page of a file is that of its cache, which is as long as
    /// this machine's, or several of them.
    fn place(&self, address: u64) -> (u64, usize) {
        let at = self.at(address);
        match &self.backing {
            Mapped::Anonymous(_) => (at / PAGE, (at % PAGE) as usize),
            Mapped::File(mapping) => mapping.page_size().place(at),
        }
    }
}

/// All regions of an address space, by their starts.
pub(super) struct Regions {
    regions: BTreeMap<u64, Region>,
    /// Where the next one goes. A page is left out between any two, so that an access that runs
    /// past the end of one does not end up in the next.
    next: u64,
}

impl Regions {
    pub(super) fn new() -> Regions {
        Regions { regions: BTreeMap::new(), next: FIRST }
    }

    /// Maps the pages of a backing from its byte `offset` on, where one of them starts.
    pub(super) fn add(&mut self, offset: u64, len: u64, backing: Mapped) -> io::Result<Range<u64>> {
        if len == 0 {
            let message = "an empty range cannot be mapped";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
        }
        let end = len.checked_next_multiple_of(PAGE).and_then(|len| self.next.checked_add(len));
        let Some(end) = end.filter(|&end| end <= LAST) else {
            let message = format!("no addresses are left before {LAST:#x}");
            return Err(io::Error::new(io::ErrorKind::OutOfMemory, message));
        };
        let range = self.next..end;
        self.next = end + PAGE;
        self.regions.insert(range.start, Region { range: range.clone(), offset, backing });
        Ok(range)
    }

    /// Unmaps whole pages, and returns what was mapped there.
    pub(super) fn remove(&mut self, range: Range<u64>) -> Vec<Region> {
        let touched: Vec<u64> =
            self.in_range(&range).iter().map(|region| region.range.start).collect();
        let mut gone = Vec::new();
        for start in touched {
            let Some(region) = self.regions.remove(&start) else { continue };
            let inner = range.start.max(start)..range.end.min(region.range.end);
            for kept in [start..inner.start, inner.end..region.range.end] {
                if !kept.is_empty() {
                    self.regions.insert(kept.start, region.part(kept));
                }
            }
            let out = region.part(inner);
            if let Mapped::Anonymous(memory) = &out.backing {
                memory.discard(out.at(out.range.start) / PAGE..out.at(out.range.end) / PAGE);
            }
            gone.push(out);
        }
        gone
    }

    /// The region that contains an address.
    pub(super) fn at(&self, address: u64) -> Option<&Region> {
        let (_, region) = self.regions.range(..=address).next_back()?;
        region.range.contains(&address).then_some(region)
    }

    /// The regions that a range touches.
    pub(super) fn in_range(&self, range: &Range<u64>) -> Vec<Region> {
        let before = self.at(range.start).map_or(range.start, |region| region.range.start);
        self.regions
            .range(before..range.end.max(before))
            .map(|(_, region)| region.clone())
            .collect()
    }

    pub(super) fn ranges(&self) -> Vec<Range<u64>> {
        self.regions.values().map(|region| region.range.clone()).collect()
    }
}
