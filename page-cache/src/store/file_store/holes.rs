//! Where a file has holes.

use std::fs::File;
use std::io;
use std::ops::Range;

/// The holes of a range; `None` if some of what the file system takes for holes may have blocks. What was
/// preallocated and not written since is a hole to `SEEK_HOLE`, so that is believed only where all blocks
/// of the file are accounted for by its data. The file's position is restored.
#[cfg(target_os = "linux")]
pub(super) fn of(file: &File, range: Range<u64>) -> io::Result<Option<Vec<Range<u64>>>> {
    use rustix::fs::{SeekFrom, seek};
    use rustix::io::Errno;
    use std::os::unix::fs::MetadataExt;

    let metadata = file.metadata()?;
    let (len, block) = (metadata.len(), metadata.blksize().max(1));
    let position = seek(file, SeekFrom::Current(0))?;
    let mut holes = Vec::new();
    let (mut from, mut blocks_of_data) = (0, 0);
    let outcome = loop {
        let data = match seek(file, SeekFrom::Data(from)) {
            Ok(data) => data,
            // There is none behind.
            Err(Errno::NXIO) => len.max(from),
            Err(error) => break Err(error),
        };
        let hole = from.max(range.start)..data.min(range.end);
        if !hole.is_empty() {
            holes.push(hole);
        }
        if data >= len {
            break Ok(());
        }
        match seek(file, SeekFrom::Hole(data)) {
            Ok(end) => from = end,
            // The file has been truncated since, which the caller allows only past the range.
            Err(Errno::NXIO) => break Ok(()),
            Err(error) => break Err(error),
        }
        blocks_of_data += from.next_multiple_of(block) - data / block * block;
    };
    seek(file, SeekFrom::Start(position))?;
    outcome?;
    let all_told = metadata.blocks() * 512 <= blocks_of_data;
    Ok(all_told.then_some(holes))
}

#[cfg(not(target_os = "linux"))]
pub(super) fn of(_: &File, _: Range<u64>) -> io::Result<Option<Vec<Range<u64>>>> {
    Ok(None)
}
