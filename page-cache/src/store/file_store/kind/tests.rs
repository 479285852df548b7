use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use rustix::fs::{CWD, FileType, Mode, mknodat};

use crate::{FileStore, FileStoreOptions, PageCache};

/// A folder, and in it what no store can have: the path, the name in the message, and the kind of the error.
fn others() -> (tempfile::TempDir, [(PathBuf, &'static str, ErrorKind); 4]) {
    let folder = tempfile::tempdir().unwrap();
    let (pipe, inner) = (folder.path().join("pipe"), folder.path().join("inner"));
    mknodat(CWD, &pipe, FileType::Fifo, Mode::RWXU, 0).unwrap();
    std::fs::create_dir(&inner).unwrap();
    let others = [
        ("/dev/null".into(), "a character device", ErrorKind::InvalidInput),
        ("/dev/zero".into(), "a character device", ErrorKind::InvalidInput),
        (pipe, "a pipe", ErrorKind::InvalidInput),
        (inner, "a directory", ErrorKind::IsADirectory),
    ];
    (folder, others)
}

/// For a pipe whose other end nothing has open, opening it for reading would not end.
#[test]
fn what_is_no_regular_file_is_refused_where_it_is_opened_by_path() {
    type Open = fn(&Path) -> std::io::Result<FileStore>;
    let opens: [(&str, Open); 4] = [
        ("open", |path| FileStore::open(path)),
        ("open", |path| FileStore::open_read_only(path)),
        ("create", |path| FileStore::create(path)),
        ("open_or_create", |path| FileStoreOptions::new().open_or_create(path)),
    ];
    let (_folder, others) = others();
    for (path, name, kind) in others {
        for (operation, open) in opens {
            let error = open(&path).unwrap_err();
            assert_eq!(error.kind(), kind, "{error}");
            let begin = format!("{operation} of {path:?}: it is {name}, and a FileStore needs ");
            assert!(error.to_string().starts_with(&begin), "{error}, not {begin}");
        }
    }
}

#[test]
fn an_open_file_that_is_no_regular_one_is_refused_by_from_open_file_and_by_a_cache() {
    let (_folder, others) = others();
    for (path, name, kind) in others {
        // Both, as a pipe would otherwise wait for its other end. A folder can only be read.
        let opened = OpenOptions::new().read(true).write(true).open(&path);
        let file = opened.or_else(|_| File::open(&path)).unwrap();
        let refused = [
            FileStore::from_open_file(file.try_clone().unwrap()).unwrap_err(),
            PageCache::new(16).open(FileStore::new(file)).unwrap_err(),
        ];
        for error in refused {
            assert_eq!(error.kind(), kind, "{error}");
            assert!(error.to_string().contains(&format!("it is {name}, and ")), "{error}");
        }
    }
}
