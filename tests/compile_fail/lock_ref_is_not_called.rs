//! The raw lock, through the bound of a guard.

use spanlock::LockRef;

fn by_the_name_inside<L: LockRef>(lock: &L) {
    lock.reach(); //~ E0061
}

fn by_the_name_of_old<L: LockRef>(lock: &L) {
    lock.raw(); //~ E0599
}

fn by_path<L: LockRef>(lock: &L) {
    spanlock::guard::Raw::raw(lock); //~ E0603
}

fn main() {
    let lock = spanlock::RangeLock::new();
    by_the_name_inside(&&lock);
    by_the_name_of_old(&&lock);
    by_path(&&lock);
}
