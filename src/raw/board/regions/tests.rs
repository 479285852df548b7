use super::{Counted, Regions};
use crate::sync::Ordering;

impl Regions {
    /// Whether no claim is counted in any region.
    pub(crate) fn are_empty(&self) -> bool {
        let table = self.0.load(Ordering::Relaxed);
        table.is_none_or(|table| table.words().all(|word| word.load(Ordering::Relaxed) == 0))
    }
}

impl Counted {
    pub(crate) fn is_empty(&self) -> bool {
        self.claims.iter().all(|&claims| claims == 0) && self.exclusive == 0 && self.regions == 0
    }
}
