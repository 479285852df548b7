//! Over a loop device, where the process may have one.

use std::io::ErrorKind;
use std::process::Command;

use crate::store::tests::TempFile;
use crate::{FileStore, FileStoreOptions, Length, PageCache, Store};

const LEN: u64 = 1 << 20;

struct LoopDevice {
    path: String,
    _file: TempFile,
}

impl LoopDevice {
    fn new() -> Option<LoopDevice> {
        let file = TempFile::new().unwrap();
        std::fs::File::options().write(true).open(&file.0).unwrap().set_len(LEN).unwrap();
        let output = Command::new("losetup").args(["--find", "--show"]).arg(&file.0).output();
        let output = output.ok().filter(|output| output.status.success())?;
        let path = String::from_utf8(output.stdout).unwrap().trim().into();
        Some(LoopDevice { path, _file: file })
    }
}

impl Drop for LoopDevice {
    fn drop(&mut self) {
        let _ = Command::new("losetup").args(["--detach", &self.path]).status();
    }
}

#[test]
fn a_block_device_is_a_file_of_fixed_length() {
    let Some(device) = LoopDevice::new() else {
        println!("skipped: this process cannot set up a loop device");
        return;
    };
    for options in [FileStoreOptions::new(), FileStoreOptions::new().direct()] {
        let store = options.open(&device.path).unwrap();
        assert_eq!((store.len().unwrap(), store.max_len()), (LEN, LEN));
        assert_eq!(store.holes(0..LEN).unwrap(), None);
        assert!(store.identity().is_some());
        store.set_len(LEN).unwrap();
        assert_eq!(store.set_len(LEN - 1).unwrap_err().kind(), ErrorKind::InvalidInput);

        let file = PageCache::new(16).open(store).unwrap();
        let last = LEN - 5;
        file.write_all_at(b"bytes", last).unwrap();
        file.write_all_at(&[7; 20_000], 100).unwrap();
        // Neither begins nor ends at a block.
        file.punch_hole(1_000, 3_001).unwrap();
        file.zero_range(9_001, 300, Length::Keep).unwrap();
        file.allocate(0, LEN, Length::Keep).unwrap();
        assert_eq!(file.write_at(b"past", LEN).unwrap_err().kind(), ErrorKind::FileTooLarge);
        assert_eq!(file.set_len(LEN + 1).unwrap_err().kind(), ErrorKind::FileTooLarge);
        assert_eq!(file.set_len(0).unwrap_err().kind(), ErrorKind::InvalidInput);
        assert_eq!(file.len(), LEN);
        file.sync_all().unwrap();
        drop(file);

        let store = FileStore::open_read_only(&device.path).unwrap();
        let mut seen = vec![0xff; LEN as usize];
        let file = PageCache::new(16).open(store).unwrap();
        file.read_exact_at(&mut seen, 0).unwrap();
        let expected = |offset: usize| match offset {
            1_000..4_001 | 9_001..9_301 => 0,
            100..20_100 => 7,
            _ if offset as u64 >= last => b"bytes"[offset - last as usize],
            _ => 0,
        };
        assert!((0..LEN as usize).all(|offset| seen[offset] == expected(offset)));
    }
}
