//! Layers, boxes and `Arc`s pass every method on, also those that have defaults.

use std::cell::RefCell;
use std::io;
use std::ops::Range;
use std::sync::Arc;

use super::super::StoreLayer;
use super::Store;
use crate::Identity;

thread_local! {
    static CALLED: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

fn note<T>(method: &'static str, answer: T) -> T {
    CALLED.with_borrow_mut(|called| called.push(method));
    answer
}

/// Notes each method, and answers nothing that is a default.
struct Noting;

impl Store for Noting {
    fn read_at(&self, _: &mut [u8], _: u64) -> io::Result<usize> {
        note("read_at", Ok(1))
    }
    fn write_at(&self, _: &[u8], _: u64) -> io::Result<usize> {
        note("write_at", Ok(2))
    }
    fn len(&self) -> io::Result<u64> {
        note("len", Ok(3))
    }
    fn is_empty(&self) -> io::Result<bool> {
        note("is_empty", Ok(true))
    }
    fn set_len(&self, _: u64) -> io::Result<()> {
        note("set_len", Ok(()))
    }
    fn punch_hole(&self, _: u64, _: u64) -> io::Result<()> {
        note("punch_hole", Ok(()))
    }
    fn allocate(&self, _: u64, _: u64) -> io::Result<()> {
        note("allocate", Ok(()))
    }
    fn zero_range(&self, _: u64, _: u64) -> io::Result<()> {
        note("zero_range", Ok(()))
    }
    fn holes(&self, range: Range<u64>) -> io::Result<Option<Vec<Range<u64>>>> {
        note("holes", Ok(Some(vec![range, 5..6])))
    }
    fn collapse_range(&self, _: u64, _: u64) -> io::Result<()> {
        note("collapse_range", Ok(()))
    }
    fn insert_range(&self, _: u64, _: u64) -> io::Result<()> {
        note("insert_range", Ok(()))
    }
    fn identity(&self) -> Option<Identity> {
        note("identity", Some(Identity::new("noting", [4, 5])))
    }
    fn acquire(&self) -> io::Result<()> {
        note("acquire", Ok(()))
    }
    fn release(&self) {
        note("release", ());
    }
    fn max_len(&self) -> u64 {
        note("max_len", 6)
    }
    fn is_read_only(&self) -> bool {
        note("is_read_only", true)
    }
    fn direct_alignment(&self) -> u64 {
        note("direct_alignment", 8)
    }
    fn block_size(&self) -> u64 {
        note("block_size", 16)
    }
    fn label(&self) -> String {
        note("label", "noting".into())
    }
    fn sync(&self) -> io::Result<()> {
        note("sync", Ok(()))
    }
    fn sync_data(&self) -> io::Result<()> {
        note("sync_data", Ok(()))
    }
}

struct Layer<S>(S);

impl<S: Store> StoreLayer for Layer<S> {
    type Below = S;

    fn below(&self) -> &S {
        &self.0
    }
}

/// Calls each method, and returns what was called below.
fn called_below(store: &impl Store) -> Vec<&'static str> {
    CALLED.with_borrow_mut(Vec::clear);
    assert_eq!(store.read_at(&mut [0], 0).unwrap(), 1);
    assert_eq!(store.write_at(&[0], 0).unwrap(), 2);
    assert_eq!(store.len().unwrap(), 3);
    assert!(store.is_empty().unwrap());
    store.set_len(0).unwrap();
    store.punch_hole(0, 1).unwrap();
    store.allocate(0, 1).unwrap();
    store.zero_range(0, 1).unwrap();
    assert_eq!(store.holes(1..2).unwrap(), Some(vec![1..2, 5..6]));
    store.collapse_range(0, 1).unwrap();
    store.insert_range(0, 1).unwrap();
    assert_eq!(store.identity(), Some(Identity::new("noting", [4, 5])));
    store.acquire().unwrap();
    store.release();
    assert_eq!(store.max_len(), 6);
    assert!(store.is_read_only());
    assert_eq!((store.direct_alignment(), store.block_size()), (8, 16));
    assert_eq!(store.label(), "noting");
    store.sync().unwrap();
    store.sync_data().unwrap();
    CALLED.with_borrow(Vec::clone)
}

#[test]
fn layers_boxes_and_arcs_pass_every_method_on() {
    let directly = called_below(&Noting);
    assert_eq!(directly.len(), 21);
    assert_eq!(called_below(&Layer(Noting)), directly);
    assert_eq!(called_below(&Layer(Layer(Arc::new(Noting)))), directly);
    assert_eq!(called_below(&Arc::new(Noting)), directly);
    let boxed: Box<dyn Store> = Box::new(Noting);
    assert_eq!(called_below(&boxed), directly);
    assert_eq!(called_below(&Layer(boxed)), directly);
    assert_eq!(called_below(&Box::new(Layer(Noting))), directly);
    let shared: Arc<dyn Store> = Arc::new(Layer(Noting));
    assert_eq!(called_below(&shared), directly);
}
