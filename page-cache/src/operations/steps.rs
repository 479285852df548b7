//! Steps that several operations share.

pub(crate) mod clear;
pub(crate) mod encode_and_decode;
pub(crate) mod extend;
pub(crate) mod fill;
pub(crate) mod growth;
pub(crate) mod invalidate;
pub(crate) mod length_limit;
pub(crate) mod prepare;
pub(crate) mod whole_pages;
