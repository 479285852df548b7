//! K9: the other ideas of the thread on how not to fault under the page lock.

mod bounded_retry;
mod no_truncate_flag;
mod probe;
mod read_page;
mod unmapping_lock;

pub(super) use bounded_retry::ENTRY as BOUNDED_RETRY;
pub(super) use no_truncate_flag::ENTRY as NO_TRUNCATE_FLAG;
pub(super) use probe::ENTRY as PROBE;
pub(super) use read_page::ENTRY as READ_PAGE;
pub(super) use unmapping_lock::ENTRY as UNMAPPING_LOCK;
