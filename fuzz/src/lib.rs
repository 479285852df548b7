//! What the fuzz targets share with the tests.

#[path = "../../tests/lock/bounds.rs"]
pub mod bounds;
#[path = "../../tests/lock/operations.rs"]
pub mod operations;
