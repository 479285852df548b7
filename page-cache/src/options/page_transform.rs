//! Transforms of a file's pages between the cache and the store, such as checksums and encryption. The transforms are
//! applied in `operations/steps/encode_and_decode.rs`.

use std::fmt;
use std::io;
use std::sync::Arc;

use super::FileOptions;

/// Transforms the pages of a file when they are written to its store and when they are read back. Examples are
/// checksums, encryption, and compression within the page.
///
/// `page` is the number of the page in the file, and `bytes` are all bytes of the page. The methods
/// may be called on any thread, and by several threads at the same time. They are called while the page is locked,
/// so they must not use files of the cache: operations on these fail with [`Deadlock`](io::ErrorKind::Deadlock). A
/// panic counts as an error.
///
/// # Examples
///
/// ```
/// use std::io::{self, ErrorKind};
/// use std::sync::Arc;
///
/// use spanlock_page_cache::{FileOptions, MemStore, PageCache, PageTransform, Store};
///
/// /// The last eight bytes of each page are a checksum of the others.
/// struct Checksums;
///
/// fn sum(page: u64, bytes: &[u8]) -> [u8; 8] {
///     bytes.iter().fold(page, |sum, &byte| sum.rotate_left(7) ^ u64::from(byte)).to_le_bytes()
/// }
///
/// impl PageTransform for Checksums {
///     fn encode(&self, page: u64, bytes: &mut [u8]) -> io::Result<()> {
///         let (data, end) = bytes.split_at_mut(4088);
///         end.copy_from_slice(&sum(page, data));
///         Ok(())
///     }
///     fn decode(&self, page: u64, bytes: &mut [u8]) -> io::Result<()> {
///         let is_hole = bytes.iter().all(|&byte| byte == 0);
///         if !is_hole && bytes[4088..] != sum(page, &bytes[..4088]) {
///             return Err(ErrorKind::InvalidData.into());
///         }
///         bytes[4088..].fill(0); // The user of the file does not use these bytes.
///         Ok(())
///     }
/// }
///
/// let store = Arc::new(MemStore::new());
/// let cache = PageCache::new(64);
/// let open = || cache.open_with(Arc::clone(&store), FileOptions::new().transform(Checksums));
/// let file = open()?;
/// file.write_all_at(&[7; 4096], 0)?;
/// file.close()?;
/// store.write_at(&[8], 100)?; // A bit flips.
/// let error = open()?.read_at(&mut [0; 10], 0).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::InvalidData);
/// # io::Result::Ok(())
/// ```
pub trait PageTransform: Send + Sync {
    /// Encodes the bytes of a page in place, into those that the store receives. `bytes` is a copy, so the cached
    /// page does not change.
    ///
    /// # Errors
    ///
    /// Any error that prevents the encoding. The page is not sent and stays dirty, as if the store had refused it.
    fn encode(&self, page: u64, bytes: &mut [u8]) -> io::Result<()>;

    /// Decodes, in place, the bytes that the store returned for a page, and checks them. The bytes of the page that
    /// `encode` overwrites, such as a checksum, must always be decoded to the same value, such as zero: otherwise
    /// the page changes when it is evicted and read again. This method is also called for a hole within the store,
    /// with zeroes. It is not called for a page past the end of the store.
    ///
    /// # Errors
    ///
    /// Any error that prevents the decoding, such as `InvalidData`. The operation that needs the page returns the
    /// error.
    fn decode(&self, page: u64, bytes: &mut [u8]) -> io::Result<()>;
}

/// A transform; two are equal if one is a clone of the other.
#[derive(Clone)]
pub(crate) struct Transform(Arc<dyn PageTransform>);

impl Transform {
    pub(crate) fn get(&self) -> &dyn PageTransform {
        &*self.0
    }
}

impl fmt::Debug for Transform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transform")
    }
}

impl PartialEq for Transform {
    fn eq(&self, other: &Transform) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Transform {}

impl FileOptions {
    /// Transforms each page before it is sent to the store, and when it is read back: see [`PageTransform`]. This
    /// implies [`whole_pages`](FileOptions::whole_pages).
    ///
    /// Direct requests, collapse and insert fail with `Unsupported`. To open the store again while it is open, use
    /// a clone of these options: other options fail with [`ResourceBusy`](io::ErrorKind::ResourceBusy).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io;
    /// use std::sync::Arc;
    ///
    /// use spanlock_page_cache::{FileOptions, MemStore, PageCache, PageTransform, Store};
    ///
    /// /// Inverts every bit.
    /// struct Inverted;
    ///
    /// impl PageTransform for Inverted {
    ///     fn encode(&self, _: u64, bytes: &mut [u8]) -> io::Result<()> {
    ///         bytes.iter_mut().for_each(|byte| *byte = !*byte);
    ///         Ok(())
    ///     }
    ///     fn decode(&self, page: u64, bytes: &mut [u8]) -> io::Result<()> {
    ///         self.encode(page, bytes)
    ///     }
    /// }
    ///
    /// let store = Arc::new(MemStore::new());
    /// let options = FileOptions::new().transform(Inverted);
    /// let file = PageCache::new(64).open_with(Arc::clone(&store), options)?;
    /// file.write_all_at(&[0xf0; 4096], 0)?;
    /// file.sync_data()?;
    /// let mut stored = [0; 1];
    /// store.read_at(&mut stored, 0)?;
    /// assert_eq!(stored, [0x0f]);
    /// # io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn transform(mut self, transform: impl PageTransform + 'static) -> FileOptions {
        self.transform = Some(Transform(Arc::new(transform)));
        self.whole_pages()
    }
}
