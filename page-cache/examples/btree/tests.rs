//! The tree against a map, by one thread and by many, in a cache that is much too small; and crashes.

use std::collections::BTreeMap;
use std::io;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use spanlock_page_cache::{MemStore, Options, PageCache, Store};

use crate::node::{Key, Value};
use crate::tree::Tree;

fn cache(pages: usize) -> PageCache {
    PageCache::with_options(Options::new(pages).flush_interval(Duration::from_millis(1)))
}

fn open(pages: usize, data: &Arc<MemStore>, log: &Arc<MemStore>) -> (Tree, u64) {
    Tree::open(&cache(pages), Arc::clone(data), Arc::clone(log)).unwrap()
}

fn stores() -> (Arc<MemStore>, Arc<MemStore>) {
    (Arc::default(), Arc::default())
}

fn contents(tree: &Tree) -> BTreeMap<Key, Value> {
    let mut found = BTreeMap::new();
    tree.scan(0, |key, value| {
        found.insert(key, value);
        ControlFlow::Continue(())
    })
    .unwrap();
    found
}

fn value(number: u64) -> Value {
    let mut value = [7; 24];
    value[..8].copy_from_slice(&number.to_le_bytes());
    value
}

#[test]
fn a_tree_has_what_a_map_has() {
    let (data, log) = stores();
    let (tree, _) = open(24, &data, &log);
    let (mut map, mut random) = (BTreeMap::new(), fastrand::Rng::with_seed(1));
    for number in 0..30_000 {
        let key = random.u64(..10_000) << 40;
        match random.u32(..4) {
            0 => assert_eq!(tree.remove(key).unwrap().is_some(), map.remove(&key).is_some()),
            1 => assert_eq!(tree.get(key).unwrap(), map.get(&key).copied()),
            _ => {
                tree.put(key, &value(number)).unwrap();
                map.insert(key, value(number));
            }
        }
        if number % 5000 == 0 {
            tree.checkpoint().unwrap();
        }
    }
    assert_eq!(tree.check().unwrap(), map.len() as u64);
    assert!(contents(&tree) == map);
    let mut part = Vec::new();
    tree.scan(5000 << 40, |key, _| {
        part.push(key);
        if part.len() < 10 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    })
    .unwrap();
    assert!(part.iter().eq(map.range(5000 << 40..).map(|(key, _)| key).take(10)));
}

#[test]
fn many_threads_change_one_tree_in_a_cache_of_few_pages() {
    let (data, log) = stores();
    let (tree, _) = open(48, &data, &log);
    let threads = 4;
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let tree = &tree;
            scope.spawn(move || {
                for number in 0..4000_u64 {
                    let key = number * 7919 % 4000 * threads + thread;
                    tree.put(key, &value(key)).unwrap();
                    assert_eq!(tree.get(key).unwrap(), Some(value(key)));
                    if number % 1000 == 999 {
                        tree.checkpoint().unwrap();
                    }
                }
            });
        }
        scope.spawn(|| {
            for _ in 0..20 {
                let mut last = None;
                tree.scan(0, |key, found| {
                    assert!(last < Some(key) && found == value(key));
                    last = Some(key);
                    ControlFlow::Continue(())
                })
                .unwrap();
            }
        });
    });
    assert_eq!(tree.check().unwrap(), 4000 * threads);
}

/// What a store has, as it is now.
fn copy(store: &MemStore) -> Arc<MemStore> {
    let mut bytes = vec![0; store.len().unwrap() as usize];
    store.read_at(&mut bytes, 0).unwrap();
    let copy = MemStore::new();
    copy.write_at(&bytes, 0).unwrap();
    Arc::new(copy)
}

#[test]
fn whatever_the_stores_have_at_any_moment_recovers_to_what_was_committed() -> io::Result<()> {
    let (data, log) = stores();
    let (tree, _) = open(24, &data, &log);
    let mut random = fastrand::Rng::with_seed(2);
    let mut replayed_in_all = 0;
    let mut map = BTreeMap::new();
    for crash in 0..30 {
        for number in 0..random.u64(1..400) {
            let key = random.u64(..3000);
            let position = tree.put(key, &value(crash * 1000 + number))?;
            map.insert(key, value(crash * 1000 + number));
            if number % 50 == 49 {
                tree.sync_to(position)?;
            }
        }
        if crash % 5 == 4 {
            tree.checkpoint()?;
        }
        let position = tree.put(1 << 50, &value(crash))?;
        map.insert(1 << 50, value(crash));
        tree.sync_to(position)?;
        // The data is copied first: it never has what the log has not.
        let (data, log) = (copy(&data), copy(&log));
        let (again, replayed) = open(24, &data, &log);
        replayed_in_all += replayed;
        again.check()?;
        assert!(contents(&again) == map, "crash {crash}");
    }
    assert!(replayed_in_all > 0);
    Ok(())
}

#[test]
fn a_new_entry_is_logged_without_those_that_it_moves() -> io::Result<()> {
    let (data, log) = stores();
    let (tree, _) = open(24, &data, &log);
    for key in 2..60 {
        tree.put(key, &value(key))?;
    }
    let before = tree.put(1, &value(1))?;
    let position = tree.put(0, &value(0))?;
    assert!(position - before < 128, "{} bytes", position - before);
    Ok(())
}

#[test]
fn a_torn_page_is_found_out_and_recovered_from_the_log() -> io::Result<()> {
    let (data, log) = stores();
    let (tree, _) = open(24, &data, &log);
    for key in 0..2000 {
        tree.put(key, &value(key))?;
    }
    tree.checkpoint()?;
    let position = (0..2000).map(|key| tree.put(key, &value(key + 1))).last().unwrap()?;
    tree.sync_to(position)?;
    let (data, log) = (copy(&data), copy(&log));
    // All leaves were changed since the checkpoint, and each is torn.
    for page in 0..data.len()? / 4096 {
        let mut kind = [0];
        data.read_at(&mut kind, page * 4096 + 8)?;
        if kind == [1] {
            data.write_at(&[0xff; 100], page * 4096 + 2000)?;
        }
    }
    let without_log = Tree::open(&cache(24), copy(&data), MemStore::new());
    let torn = without_log.and_then(|(tree, _)| tree.check());
    assert!(torn.is_err_and(|error| error.to_string().contains("checksum")));
    let (again, _) = open(24, &data, &log);
    again.check()?;
    assert!(contents(&again).iter().all(|(&key, found)| *found == value(key + 1)));
    Ok(())
}
