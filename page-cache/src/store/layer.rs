//! Stores over stores: what a layer does not change goes to the store below.

use std::io;
use std::ops::Range;
use std::sync::Arc;
use std::time::SystemTime;

use super::Store;
use crate::{Identity, Version};

/// Calls a macro with every method of `Store` but `identity` and `version`.
macro_rules! with_methods {
    ($make:ident, $($with:tt)*) => {
        $make! {
            [$($with)*]
            read_at(bytes: &mut [u8], offset: u64) -> io::Result<usize>;
            write_at(bytes: &[u8], offset: u64) -> io::Result<usize>;
            len() -> io::Result<u64>;
            is_empty() -> io::Result<bool>;
            set_len(len: u64) -> io::Result<()>;
            punch_hole(offset: u64, len: u64) -> io::Result<()>;
            allocate(offset: u64, len: u64) -> io::Result<()>;
            reserve(offset: u64, len: u64) -> io::Result<()>;
            zero_range(offset: u64, len: u64) -> io::Result<()>;
            holes(range: Range<u64>) -> io::Result<Option<Vec<Range<u64>>>>;
            allocated_size() -> io::Result<Option<u64>>;
            collapse_range(offset: u64, len: u64) -> io::Result<()>;
            insert_range(offset: u64, len: u64) -> io::Result<()>;
            acquire() -> io::Result<()>;
            release() -> ();
            max_len() -> u64;
            is_read_only() -> bool;
            mode() -> String;
            direct_alignment() -> u64;
            block_size() -> u64;
            label() -> String;
            modified() -> io::Result<Option<SystemTime>>;
            set_modified(time: SystemTime) -> io::Result<()>;
            sync() -> io::Result<()>;
            sync_data() -> io::Result<()>;
        }
    };
}

/// Methods that call the one of the same name on the store below.
macro_rules! delegate {
    (
        [$through:ident, $this:ident => $below:expr]
        $($method:ident($($argument:ident: $type:ty),*) -> $output:ty;)*
    ) => {
        $(
            #[doc = concat!("As [`Store::", stringify!($method), "`].")]
            fn $method(&$this $(, $argument: $type)*) -> $output {
                $through::$method($below $(, $argument)*)
            }
        )*
    };
}

/// A store that changes some requests and passes the others to the store below it.
///
/// Every method has a default that calls the method of the store below. This includes the methods for which
/// [`Store`] has a default, such as [`allocate`](Store::allocate) and [`block_size`](Store::block_size). Every
/// `StoreLayer` is a [`Store`].
///
/// Call the methods through `Store`: where both traits are imported, a call on a layer is ambiguous.
///
/// # Examples
///
/// A store that counts its syncs:
///
/// ```
/// use std::io;
/// use std::sync::Arc;
/// use std::sync::atomic::{AtomicU64, Ordering};
///
/// use spanlock_page_cache::{MemStore, PageCache, Store, StoreLayer};
///
/// struct Counting<S> {
///     below: S,
///     syncs: AtomicU64,
/// }
///
/// impl<S: Store> StoreLayer for Counting<S> {
///     type Below = S;
///
///     fn below(&self) -> &S {
///         &self.below
///     }
///
///     fn sync_data(&self) -> io::Result<()> {
///         self.syncs.fetch_add(1, Ordering::Relaxed);
///         self.below.sync_data()
///     }
/// }
///
/// let store = Arc::new(Counting { below: MemStore::new(), syncs: AtomicU64::new(0) });
/// let file = PageCache::new(16).open(Arc::clone(&store))?;
/// file.write_all_at(b"counted", 0)?;
/// file.sync_data()?;
/// assert_eq!(store.syncs.load(Ordering::Relaxed), 1);
/// assert_eq!(store.below.len()?, 7);
/// # io::Result::Ok(())
/// ```
pub trait StoreLayer: Send + Sync {
    /// The type of the store below.
    type Below: Store + ?Sized;

    /// Returns the store below.
    fn below(&self) -> &Self::Below;

    with_methods!(delegate, Store, self => self.below());

    /// As [`Store::identity`]. By default, two layers over one store have the identity of that store. So the
    /// store is open only once in a cache, through the layer that was opened first.
    fn identity(&self) -> Option<Identity> {
        self.below().identity()
    }

    /// As [`Store::version`]. The default is `None`, because the layer may return other bytes than the store below has,
    /// and the two have the same identity. A layer that returns the same bytes may return the version of that store.
    fn version(&self) -> io::Result<Option<Version>> {
        Ok(None)
    }
}

impl<L: StoreLayer + ?Sized> Store for L {
    with_methods!(delegate, StoreLayer, self => self);

    fn identity(&self) -> Option<Identity> {
        StoreLayer::identity(self)
    }

    fn version(&self) -> io::Result<Option<Version>> {
        StoreLayer::version(self)
    }
}

impl<S: Store> StoreLayer for Box<S> {
    type Below = S;

    fn below(&self) -> &S {
        self
    }

    fn version(&self) -> io::Result<Option<Version>> {
        (**self).version()
    }
}

impl Store for Box<dyn Store> {
    with_methods!(delegate, Store, self => &**self);

    fn identity(&self) -> Option<Identity> {
        (**self).identity()
    }

    fn version(&self) -> io::Result<Option<Version>> {
        (**self).version()
    }
}

impl<S: Store + ?Sized> Store for Arc<S> {
    with_methods!(delegate, Store, self => &**self);

    /// Returns the identity of the store. If the store has none, returns one made of its address.
    fn identity(&self) -> Option<Identity> {
        let address = Arc::as_ptr(self).cast::<()>().addr() as u64;
        (**self).identity().or(Some(Identity::new("arc", [address, 0])))
    }

    /// Returns the version of the store, or `None` if the identity is made of the address, which another store may
    /// have later.
    fn version(&self) -> io::Result<Option<Version>> {
        match (**self).identity() {
            Some(_) => (**self).version(),
            None => Ok(None),
        }
    }
}
