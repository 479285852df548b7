//! The hook that runs before dirty pages are sent to their store.

use std::fmt;
use std::io;
use std::sync::Arc;

use crate::page::DirtyPage;

type Function = dyn Fn(&[DirtyPage]) -> io::Result<()> + Send + Sync;

/// A hook; two are equal if one is a clone of the other.
#[derive(Clone)]
pub(crate) struct BeforeWriteback(Arc<Function>);

impl BeforeWriteback {
    pub(super) fn new(
        hook: impl Fn(&[DirtyPage]) -> io::Result<()> + Send + Sync + 'static,
    ) -> BeforeWriteback {
        BeforeWriteback(Arc::new(hook))
    }

    pub(crate) fn call(&self, pages: &[DirtyPage]) -> io::Result<()> {
        (self.0)(pages)
    }
}

impl fmt::Debug for BeforeWriteback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("BeforeWriteback")
    }
}

impl PartialEq for BeforeWriteback {
    fn eq(&self, other: &BeforeWriteback) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for BeforeWriteback {}
