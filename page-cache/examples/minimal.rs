//! A file over a cache of 64 pages: write, map, punch, sync.

use std::io;

use spanlock_page_cache::{FileStore, PageCache};

fn main() -> io::Result<()> {
    let path = std::env::temp_dir().join(format!("spanlock-minimal-{}", std::process::id()));
    let result = write_map_and_punch(FileStore::create(&path)?);
    std::fs::remove_file(&path)?;
    result
}

fn write_map_and_punch(store: FileStore) -> io::Result<()> {
    let cache = PageCache::new(64);
    let file = cache.open(store)?;

    file.write_all_at(b"a page cache in user space", 4096)?;

    let mapping = file.map(4096..8192)?;
    let mut word = [0; 4];
    mapping.load(2, &mut word)?;
    println!("mapped: {}", String::from_utf8_lossy(&word));

    mapping.store(2, b"room")?;
    file.sync_data()?;
    let mut line = [0; 26];
    file.read_direct_at(&mut line, 4096)?;
    println!("direct: {}", String::from_utf8_lossy(&line));

    file.punch_hole(4096, 4096)?;
    mapping.load(2, &mut word)?;
    println!("punched: {word:?}");
    Ok(())
}
