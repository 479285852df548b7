//! Two exclusive references to one element, by the methods that `Elements` needs internally.

use spanlock::Elements;

fn twice<S: Elements>(elements: S) -> (S, S)
where
    S::Cells: Copy,
{
    let cells = elements.into_cells(); //~ E0061
    (S::from_cells(cells), S::from_cells(cells)) //~ E0061
}

fn shared<S: Elements>(cells: &S::Cells) -> usize {
    S::cells(cells).len() //~ E0061
}

fn main() {
    let mut data = [1, 2, 3];
    let (a, b) = twice(&mut data[..]);
    let (first, again): (&mut i32, &mut i32) = (&mut a[0], &mut b[0]);
    std::mem::swap(first, again);
}
