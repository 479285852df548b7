//! Reading and writing a file: through the cache, past it, and between two files.

// In the order in which rustdoc lists their methods.
mod buffered;

mod vectored;

mod append;

mod direct;

mod tagged;

mod copy;

mod uninit;
