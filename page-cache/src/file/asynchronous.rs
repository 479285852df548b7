//! Page guards and pins for asynchronous tasks.

mod handover;

use std::future::poll_fn;
use std::io;
use std::mem;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;

use crate::File;
use crate::files::handle::Handle;
use crate::guards::{PageMut, PagePin, PageRef, TaskPin};
use crate::operations::guarded_page::NO_LIMIT;
use crate::pages::frame::WaitLimit;
use handover::hand_over;

/// Work that may block, which [`File::page_async`], [`File::page_mut_async`] and [`File::pin_async`] pass to the
/// caller's function.
///
/// # Examples
///
/// ```
/// use spanlock_page_cache::BlockingWork;
/// use tokio::task::JoinHandle;
///
/// fn spawn(work: BlockingWork) -> JoinHandle<()> {
///     tokio::task::spawn_blocking(work)
/// }
/// # let _ = spawn;
/// ```
pub type BlockingWork = Box<dyn FnOnce() + Send>;

impl File {
    /// Returns a shared guard of page `number` like [`page`](File::page), without blocking the thread that polls the
    /// future.
    ///
    /// If the guard is available, the future resolves when it is first polled, without allocating. Otherwise it calls
    /// `spawn` with one piece of work, which waits for the page and reads it from the store if necessary. `spawn` has
    /// to run the work on a thread that may block and has no page guards, or drop it. tokio's and async-std's
    /// `spawn_blocking` and `std::thread::spawn` are such functions. (A thread of rayon runs other work while it
    /// waits in a `join`, also if it has a guard; the task then gets the errors of a thread that holds guards.) What
    /// `spawn` returns is dropped; where that would cancel the work, detach it: `|work|
    /// smol::unblock(work).detach()`.
    ///
    /// When the work has ended, it wakes the task. The poll that follows takes the guard, on its own thread. If the
    /// guard is not available any more, because another thread was faster, the future spawns work again. Each time
    /// another thread had the page, but there is no limit on how often. Until the task is polled, the page stays
    /// cached, unless a thirty-second of the cache's pages are being kept for other tasks.
    ///
    /// A page that the work has read counts as a miss, and then as a hit ([`CacheStats`](crate::CacheStats)).
    ///
    /// # Guards and tasks
    ///
    /// The future is `Send` if `spawn` is. The guard is not `Send`, so a task that can move between threads cannot
    /// hold one across an `.await`. Put the guard in a block that ends before the next `.await`: for the compiler, a
    /// `drop(guard)` before it is not enough. A task that stays on its thread can, but should not: all tasks of that
    /// thread then have the errors of a thread that holds guards. In particular, a poll that would have to wait fails
    /// with `WouldBlock` while its thread has a guard, also one of another task. So do not poll several of these
    /// futures at once on one thread, as `join!` does: the first guard makes the others fail. Take guards one after
    /// the other, or await pins ([`pin_async`](File::pin_async)), which any number of futures may do at once.
    ///
    /// # Cancellation
    ///
    /// If the future is dropped, nothing stays locked. Work that has not begun will do nothing when it is run. Work that
    /// has begun continues on its thread, and drops its result. It keeps the file open until then.
    ///
    /// # Errors
    ///
    /// As [`page`](File::page). An error of the kind `Other` if the work is dropped before it was run, as by a runtime
    /// that shuts down, or if it panics.
    ///
    /// # Panics
    ///
    /// A panic of `spawn` is resumed by the poll. A panic of a waker is resumed if it occurs when the waker is cloned. One
    /// that occurs when the waker is woken or dropped is discarded.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io;
    ///
    /// use spanlock_page_cache::{MemStore, PageCache};
    /// use tokio::task::spawn_blocking;
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.write_all_at(b"a leaf", 4096)?;
    /// let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// runtime.block_on(async {
    ///     assert!(file.page_async(1, spawn_blocking).await?.starts_with(b"a leaf"));
    ///     let error = file.page_async(2, spawn_blocking).await.unwrap_err();
    ///     assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    ///     io::Result::Ok(())
    /// })?;
    /// # io::Result::Ok(())
    /// ```
    pub async fn page_async<R>(
        &self,
        number: u64,
        mut spawn: impl FnMut(BlockingWork) -> R,
    ) -> io::Result<PageRef<'_>> {
        let mut kept = None;
        loop {
            if let Some(page) = self.try_page(number)? {
                return Ok(page);
            }
            let load = move |handle: &_| TaskPin::load(handle, number);
            let loaded = self.wait_for("page", number, &mut spawn, load).await?;
            drop(mem::replace(&mut kept, loaded));
        }
    }

    /// Returns an exclusive guard of page `number` like [`page_mut`](File::page_mut), without blocking the thread that
    /// polls the future. Otherwise like [`page_async`](File::page_async), except that it may allocate to record that the
    /// page is dirty.
    ///
    /// While other tasks and threads have shared guards of the page at nearly every moment, this may have to repeat its
    /// work for long, since no other thread waits for a task that has not been polled yet. For such a page, call
    /// [`page_mut`](File::page_mut) on a thread for blocking work, and change the page there.
    ///
    /// # Errors
    ///
    /// As [`page_mut`](File::page_mut). An error of the kind `Other` if the work is dropped before it was run, or if it
    /// panics.
    ///
    /// # Panics
    ///
    /// As [`page_async`](File::page_async).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io;
    ///
    /// use spanlock_page_cache::{MemStore, PageCache};
    /// use tokio::task::spawn_blocking;
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.set_len(8192)?;
    /// let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// runtime.block_on(async {
    ///     file.page_mut_async(1, spawn_blocking).await?[0] = 7;
    ///     assert_eq!(file.page_async(1, spawn_blocking).await?[0], 7);
    ///     io::Result::Ok(())
    /// })?;
    /// # io::Result::Ok(())
    /// ```
    pub async fn page_mut_async<R>(
        &self,
        number: u64,
        mut spawn: impl FnMut(BlockingWork) -> R,
    ) -> io::Result<PageMut<'_>> {
        let mut kept = None;
        loop {
            if let Some(page) = self.inode().page_mut_for_task(number)? {
                return Ok(PageMut::new(page));
            }
            let load = move |handle: &_| TaskPin::load_mut(handle, number);
            let loaded = self.wait_for("page_mut", number, &mut spawn, load).await?;
            drop(mem::replace(&mut kept, loaded));
        }
    }

    /// Pins page `number` like [`pin`](File::pin), without blocking the thread that polls the future. The pin may be
    /// held across an `.await`; take a guard where the bytes are used. Otherwise like [`page_async`](File::page_async).
    ///
    /// The work passes its pin to the future, so it is never repeated. If the future is not polled any more, it has the
    /// pin until it is dropped.
    ///
    /// [`PagePin::page`] may block while another thread changes the page or has an exclusive guard of it. A task that
    /// must not block calls [`page_async`](File::page_async) instead; for a pinned page this does not wait for the
    /// store.
    ///
    /// # Errors
    ///
    /// As [`pin`](File::pin). An error of the kind `Other` if the work is dropped before it was run, or if it panics.
    ///
    /// # Panics
    ///
    /// As [`page_async`](File::page_async).
    ///
    /// # Examples
    ///
    /// ```
    /// use std::io;
    ///
    /// use spanlock_page_cache::{MemStore, PageCache};
    /// use tokio::task::spawn_blocking;
    ///
    /// let file = PageCache::new(64).open(MemStore::new())?;
    /// file.set_len(8192)?;
    /// let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    /// runtime.block_on(async {
    ///     let (first, second) = (file.pin_async(0, spawn_blocking), file.pin_async(1, spawn_blocking));
    ///     let (first, second) = (first.await?, second.await?);
    ///     tokio::task::yield_now().await;
    ///     assert_eq!((first.page()?[0], second.page()?[0]), (0, 0));
    ///     io::Result::Ok(())
    /// })?;
    /// # io::Result::Ok(())
    /// ```
    pub async fn pin_async<R>(
        &self,
        number: u64,
        mut spawn: impl FnMut(BlockingWork) -> R,
    ) -> io::Result<PagePin> {
        if let Some(pin) = self.try_pin(number)? {
            return Ok(pin);
        }
        let pin = move |handle: &_| {
            Ok(PagePin::new(handle, number, WaitLimit::Unlimited)?.expect(NO_LIMIT))
        };
        self.wait_for("pin", number, &mut spawn, pin).await
    }

    /// Has some work done on another thread, and waits for it.
    async fn wait_for<T: Send + 'static, R>(
        &self,
        operation: &'static str,
        number: u64,
        spawn: &mut impl FnMut(BlockingWork) -> R,
        work: impl FnOnce(&Arc<Handle>) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let inode = self.inode();
        inode.check_task_may_wait(operation, number)?;
        let handle = Arc::clone(&self.handle);
        let (work, awaited) = hand_over(move || work(&handle));
        drop(spawn(Box::new(move || work.run())));
        let mut awaited = pin!(awaited);
        let ended = poll_fn(|context| match awaited.as_mut().poll(context) {
            Poll::Ready(ended) => Poll::Ready(Ok(ended)),
            Poll::Pending => match inode.check_task_may_wait(operation, number) {
                Ok(()) => Poll::Pending,
                Err(error) => Poll::Ready(Err(error)),
            },
        });
        match ended.await? {
            Ok(result) => result,
            Err(lost) => Err(inode.task_failed(operation, number, io::Error::other(lost))),
        }
    }
}
