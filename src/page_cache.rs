//! An embedded page cache whose six paths are serialised by one mapping lock.
