//! K10: a shared claim both above and below the mm lock.

mod fifo;
mod reader_preference;

pub(super) use fifo::ENTRY as FIFO;
pub(super) use reader_preference::ENTRY as READER_PREFERENCE;
