//! The cache in the tasks of a tokio runtime: cached pages are read on the runtime's own threads, and whatever may wait
//! for a store runs on its threads for blocking work.
//!
//! `cargo run --release --example from_async`

use std::io;
use std::sync::Arc;

use spanlock_page_cache::{File, MemStore, PAGE_SIZE, PageCache, PagePin, Store};
use tokio::sync::Semaphore;
use tokio::task::{self, JoinError};

const PAGES: u64 = 1024;
/// An eighth of the pages are cached, so most lookups read from the store.
const FRAMES: usize = 128;
/// A cache of these frames admits 16 pins at once.
const MOST_PINS: usize = 16;

fn main() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?;
    let (lookups, blocking) = runtime.block_on(look_up_and_change())?;
    println!("{lookups} lookups by tasks, {blocking} of which read from the store");
    Ok(())
}

/// A table of counters, one for each page. All tasks have it.
struct Table {
    file: File,
    /// One for each pin that may exist, so that no lookup is refused.
    pins: Semaphore,
}

impl Table {
    /// A pin of a page, and whether the page had to be waited for.
    async fn pin(&self, number: u64) -> io::Result<(PagePin, bool)> {
        if let Some(pin) = self.file.try_pin(number)? {
            return Ok((pin, false));
        }
        let file = self.file.clone();
        let pin = task::spawn_blocking(move || file.pin(number)).await??;
        Ok((pin, true))
    }

    /// The counter of a page, and whether the page had to be waited for.
    async fn look_up(&self, number: u64) -> io::Result<(u64, bool)> {
        let _permit = self.pins.acquire().await.expect("the semaphore is not closed");
        let (pin, waited) = self.pin(number).await?;
        // A pin may be held across an await. A guard may not: it is not `Send`, and the program would not compile.
        task::yield_now().await;
        let page = pin.page()?;
        Ok((counter(&page), waited))
    }

    /// Adds one to the counter of a page. A page that is written back must be waited for, so this is blocking work.
    async fn add_one(&self, number: u64) -> io::Result<()> {
        let file = self.file.clone();
        let changed = task::spawn_blocking(move || {
            let mut page = file.page_mut(number)?;
            let next = counter(&page) + 1;
            page[..8].copy_from_slice(&next.to_le_bytes());
            io::Result::Ok(())
        });
        changed.await?
    }

    /// Makes all changes durable.
    async fn sync(&self) -> io::Result<()> {
        let file = self.file.clone();
        task::spawn_blocking(move || file.sync_data()).await?
    }
}

fn counter(page: &[u8]) -> u64 {
    u64::from_le_bytes(page[..8].try_into().expect("eight bytes"))
}

/// The numbers of lookups, and of those that had to wait for the store.
async fn look_up_and_change() -> io::Result<(usize, usize)> {
    let store = Arc::new(MemStore::new());
    for number in 0..PAGES {
        store.write_at(&number.to_le_bytes(), number * PAGE_SIZE as u64)?;
    }
    store.set_len(PAGES * PAGE_SIZE as u64)?;
    let file = PageCache::new(FRAMES).open(Arc::clone(&store))?;
    let table = Arc::new(Table { file, pins: Semaphore::new(MOST_PINS) });

    let tasks: Vec<_> = (0..8)
        .map(|first| {
            let table = Arc::clone(&table);
            task::spawn(async move {
                let mut waits = 0;
                for number in (first..PAGES).step_by(8) {
                    let (found, waited) = table.look_up(number).await?;
                    assert_eq!(found, number);
                    waits += usize::from(waited);
                    table.add_one(number).await?;
                    let (found, waited) = table.look_up(number).await?;
                    assert_eq!(found, number + 1);
                    waits += usize::from(waited);
                }
                io::Result::Ok(waits)
            })
        })
        .collect();
    let mut waits = 0;
    for task in tasks {
        waits += task.await.map_err(|error: JoinError| io::Error::from(error))??;
    }
    table.sync().await?;

    for number in 0..PAGES {
        let mut bytes = [0; 8];
        store.read_at(&mut bytes, number * PAGE_SIZE as u64)?;
        assert_eq!(u64::from_le_bytes(bytes), number + 1);
    }
    Ok((2 * PAGES as usize, waits))
}

#[test]
fn tasks_find_and_change_every_page() {
    main().unwrap();
}
