//! Points at which a test can intervene: between a fault and its copy, and within a copy. The library has no hooks.

/// A point of an access.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Point {
    /// Absent pages have been made present, and nothing has been copied yet.
    FaultedIn,
    /// A page's part of a copy with faults off is done; there may be more.
    CopiedPart,
}

#[cfg(test)]
type Hook = std::sync::Arc<dyn Fn(Point) + Send + Sync>;

#[derive(Default)]
pub(super) struct Hooks {
    #[cfg(test)]
    hook: crate::sync::blocking::Mutex<Option<Hook>>,
}

impl Hooks {
    #[cfg(test)]
    pub(super) fn set(&self, hook: impl Fn(Point) + Send + Sync + 'static) {
        *self.hook.lock().unwrap() = Some(Hook::from(Box::new(hook) as Box<_>));
    }

    /// Calls the hook, which may use the same address space.
    #[cfg(test)]
    pub(super) fn reach(&self, point: Point) {
        let hook = self.hook.lock().unwrap().clone();
        if let Some(hook) = hook {
            hook(point);
        }
    }

    #[cfg(not(test))]
    #[inline(always)]
    pub(super) fn reach(&self, _: Point) {}
}
