//! Other crates cannot make the argument that seals the methods.

use spanlock::Elements;

fn by_default<S: Elements>(elements: S) -> S::Cells {
    elements.into_cells(Default::default()) //~ E0277
}

fn by_name<S: Elements>(elements: S) -> S::Cells {
    elements.into_cells(spanlock::sealed::INTERNAL) //~ E0603
}

fn by_construction<S: Elements>(elements: S) -> S::Cells {
    elements.into_cells(spanlock::sealed::Internal(())) //~ E0603
}

fn main() {
    by_default(vec![0]);
    by_name(vec![0]);
    by_construction(vec![0]);
}
