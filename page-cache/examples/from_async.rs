//! The cache in the tasks of a tokio runtime: cached pages are used on the runtime's own threads, and whatever may wait
//! for a store runs on its threads for blocking work.
//!
//! `cargo run --release --example from_async`

use std::io;
use std::sync::Arc;

use spanlock_page_cache::{File, MemStore, PAGE_SIZE, PageCache, Store};
use tokio::task::{JoinError, spawn, spawn_blocking, yield_now};

const PAGES: u64 = 1024;
/// An eighth of the pages are cached, so most lookups read from the store.
const FRAMES: usize = 128;
const TASKS: u64 = 8;

fn main() -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?;
    let (lookups, misses) = runtime.block_on(look_up_and_change())?;
    println!("{lookups} lookups by tasks; {misses} pages were read from the store");
    Ok(())
}

/// The number in a page.
async fn look_up(file: &File, number: u64) -> io::Result<u64> {
    let page = file.page_async(number, spawn_blocking).await?;
    // A guard is not `Send`: if this task held it across an await, the program would not compile.
    Ok(counter(&page))
}

/// Adds one to the number in a page.
async fn add_one(file: &File, number: u64) -> io::Result<()> {
    let mut page = file.page_mut_async(number, spawn_blocking).await?;
    let next = counter(&page) + 1;
    page[..8].copy_from_slice(&next.to_le_bytes());
    Ok(())
}

/// Looks up and changes each `TASKS`th page from `first` on.
async fn visit(file: File, first: u64) -> io::Result<()> {
    // A pin may be held across an await. It keeps the task's first page in the cache.
    let _pin = file.pin_async(first, spawn_blocking).await?;
    for number in (first..PAGES).step_by(TASKS as usize) {
        assert_eq!(look_up(&file, number).await?, number);
        add_one(&file, number).await?;
        yield_now().await;
        assert_eq!(look_up(&file, number).await?, number + 1);
    }
    Ok(())
}

fn counter(page: &[u8]) -> u64 {
    u64::from_le_bytes(page[..8].try_into().expect("eight bytes"))
}

/// The numbers of lookups, and of pages that were read from the store.
async fn look_up_and_change() -> io::Result<(u64, u64)> {
    let store = Arc::new(MemStore::new());
    for number in 0..PAGES {
        store.write_at(&number.to_le_bytes(), number * PAGE_SIZE as u64)?;
    }
    store.set_len(PAGES * PAGE_SIZE as u64)?;
    let file = PageCache::new(FRAMES).open(Arc::clone(&store))?;

    let tasks: Vec<_> = (0..TASKS).map(|first| spawn(visit(file.clone(), first))).collect();
    for task in tasks {
        task.await.map_err(|error: JoinError| io::Error::from(error))??;
    }
    // What has no asynchronous form is called on a thread for blocking work.
    let misses = file.stats().misses;
    spawn_blocking(move || file.sync_data()).await??;

    for number in 0..PAGES {
        let mut bytes = [0; 8];
        store.read_at(&mut bytes, number * PAGE_SIZE as u64)?;
        assert_eq!(u64::from_le_bytes(bytes), number + 1);
    }
    Ok((2 * PAGES, misses))
}

#[test]
fn tasks_find_and_change_every_page() {
    main().unwrap();
}
