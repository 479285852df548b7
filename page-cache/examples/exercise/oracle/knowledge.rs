//! What the exerciser knows of a file: what its bytes, its length, its time and the tags of its pages may be.

use std::sync::{Arc, RwLock};

use spanlock_page_cache::FileOptions;

use crate::oracle::Oracle;
use crate::oracle::length::Length;
use crate::oracle::tags::Tags;
use crate::oracle::times::Times;
use crate::workload::met::Met;

/// What the exerciser knows of a file.
pub struct Knowledge {
    pub oracle: Oracle,
    pub length: Length,
    /// The length that the file never exceeds.
    pub limit: u64,
    pub store: Reliability,
    pub writes: WriteMode,
    pub met: Met,
    pub times: Times,
    pub tags: Arc<Tags>,
    /// Held shared by every operation, and exclusively by those that the oracle cannot check while others run.
    pub gate: RwLock<()>,
}

/// When the bytes of a write get to the store.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteMode {
    /// Later.
    Back,
    /// Before it returns.
    Through,
}

impl WriteMode {
    /// How to open a file for it. A file whose bytes get to the store later also keeps its pages while it is closed.
    pub fn options(self) -> FileOptions {
        match self {
            WriteMode::Back => FileOptions::new().keep_modified_time().keep_pages(),
            WriteMode::Through => FileOptions::new().keep_modified_time().write_through(),
        }
    }
}

/// What is to be expected of the store under the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reliability {
    /// Its requests succeed.
    Sound,
    /// Some of its requests fail, so operations fail or are short.
    Failing,
}

impl Knowledge {
    /// For a file of `len` zeroes, which never gets longer.
    pub fn new(len: u64, threads: u16, store: Reliability, writes: WriteMode) -> Knowledge {
        Knowledge::with_room(len, len, threads, store, writes)
    }

    /// The same, of a file that never gets longer than `limit`.
    pub fn with_room(
        len: u64,
        limit: u64,
        threads: u16,
        store: Reliability,
        writes: WriteMode,
    ) -> Knowledge {
        let length = Length::new(len, usize::from(threads));
        Knowledge {
            oracle: Oracle::new(limit, store),
            length,
            limit,
            store,
            writes,
            met: Met::default(),
            times: Times::default(),
            tags: Arc::new(Tags::none()),
            gate: RwLock::default(),
        }
    }

    /// The same, of a file whose hook reports the tags of its pages to `tags`.
    pub fn with_tags(self, tags: Arc<Tags>) -> Knowledge {
        Knowledge { tags, ..self }
    }
}
