use std::error::Error;
use std::fs::File;
use std::io::{self, ErrorKind};

use rustix::fs::{OFlags, fcntl_getfl};

use super::FileStoreOptions;
use crate::store::tests::{TempFile, agrees_with_a_vector};
use crate::{FileStore, PageCache, Store};

#[test]
fn a_read_only_store_cannot_be_written_and_says_so() {
    let file = TempFile::new().unwrap();
    std::fs::write(&file.0, b"there").unwrap();
    let options = FileStoreOptions::new().read_only();
    for store in [options.open(&file.0).ok(), options.clone().direct().open(&file.0).ok()] {
        let Some(store) = store else { continue };
        assert!(store.is_read_only());
        assert!(store.write_at(b"x", 0).is_err());
        assert!(store.set_len(0).is_err());
        let mut seen = [0; 5];
        assert_eq!(store.read_at(&mut seen, 0).unwrap(), 5);
        assert_eq!(&seen, b"there");
    }
    assert_eq!(options.create(&file.0).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(options.create_new(&file.0).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(options.open_or_create(&file.0).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(std::fs::read(&file.0).unwrap(), b"there");
    assert!(!FileStore::open(&file.0).unwrap().is_read_only());
}

#[test]
fn caches_that_only_read_share_a_file() {
    let file = TempFile::new().unwrap();
    let (one, other) = (PageCache::new(16), PageCache::new(16));
    let reader = one.open(FileStore::open_read_only(&file.0).unwrap()).unwrap();
    let beside = other.open(FileStore::open_read_only(&file.0).unwrap()).unwrap();
    let writer = || other.open(FileStore::open(&file.0).unwrap());
    drop(beside);
    assert_eq!(writer().unwrap_err().kind(), ErrorKind::ResourceBusy);
    drop(reader);
    let _writer = writer().unwrap();
    let reader = one.open(FileStore::open_read_only(&file.0).unwrap());
    assert_eq!(reader.unwrap_err().kind(), ErrorKind::ResourceBusy);
}

#[test]
fn a_created_direct_store_agrees_with_a_vector() {
    let file = TempFile::new().unwrap();
    std::fs::write(&file.0, [1; 10_000]).unwrap();
    let Ok(store) = FileStore::create_direct(&file.0) else { return };
    assert!(store.is_empty().unwrap());
    agrees_with_a_vector(&store);
}

#[test]
fn durable_writes_are_asked_for_on_every_descriptor() {
    let file = TempFile::new().unwrap();
    let options = FileStoreOptions::new().durable_writes();
    let store = options.create(&file.0).unwrap();
    assert!(fcntl_getfl(&store.file).unwrap().contains(OFlags::DSYNC));
    agrees_with_a_vector(&store);
    let Ok(store) = options.direct().open(&file.0) else { return };
    assert!(fcntl_getfl(&store.file).unwrap().contains(OFlags::DSYNC));
    let direct = store.direct.unwrap().into_file();
    assert!(fcntl_getfl(&direct).unwrap().contains(OFlags::DSYNC | OFlags::DIRECT));
    let store = FileStore::from_open_file(direct).unwrap();
    assert!(fcntl_getfl(&store.file).unwrap().contains(OFlags::DSYNC));
}

#[test]
fn an_open_file_reports_how_it_was_opened() {
    let file = TempFile::new().unwrap();
    std::fs::write(&file.0, b"there").unwrap();
    let of = |file| FileStore::from_open_file(file);
    assert!(of(File::open(&file.0).unwrap()).unwrap().is_read_only());
    let write_only = File::options().write(true).open(&file.0).unwrap();
    assert_eq!(of(write_only).unwrap_err().kind(), ErrorKind::PermissionDenied);
    let both = File::options().read(true).write(true).open(&file.0).unwrap();
    let store = of(both).unwrap();
    assert!(!store.is_read_only() && store.direct.is_none());
    store.set_len(0).unwrap();
    agrees_with_a_vector(&store);
    let Ok(direct) = FileStoreOptions::new().direct().open(&file.0) else { return };
    let store = of(direct.direct.unwrap().into_file()).unwrap();
    assert!(store.direct.is_some());
    assert!(!fcntl_getfl(&store.file).unwrap().contains(OFlags::DIRECT));
    store.set_len(0).unwrap();
    agrees_with_a_vector(&store);
}

#[test]
fn a_new_file_is_created_only_where_there_is_none_and_no_other_request_empties_one() {
    let file = TempFile::new().unwrap();
    let options = FileStoreOptions::new();
    std::fs::write(&file.0, b"there").unwrap();
    for options in [options.clone(), options.clone().direct()] {
        assert_eq!(options.create_new(&file.0).unwrap_err().kind(), ErrorKind::AlreadyExists);
        if let Ok(store) = options.open_or_create(&file.0) {
            assert_eq!(store.len().unwrap(), 5);
        }
    }
    std::fs::remove_file(&file.0).unwrap();
    agrees_with_a_vector(&options.create_new(&file.0).unwrap());
    std::fs::remove_file(&file.0).unwrap();
    agrees_with_a_vector(&options.open_or_create(&file.0).unwrap());
    // A cache locks it as it locks an opened one.
    std::fs::remove_file(&file.0).unwrap();
    let _open = PageCache::new(16).open(options.create_new(&file.0).unwrap()).unwrap();
    let again = PageCache::new(16).open(options.open_or_create(&file.0).unwrap());
    assert_eq!(again.unwrap_err().kind(), ErrorKind::ResourceBusy);
}

#[test]
fn an_error_names_the_operation_and_the_path_and_has_that_of_the_system_as_its_source() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("missing").join("file");
    let options = FileStoreOptions::new();
    let refused = [
        ("open", FileStore::open(&path)),
        ("open", FileStore::open_read_only(&path)),
        ("open", FileStore::open_direct(&path)),
        ("create", FileStore::create(&path)),
        ("create", FileStore::create_direct(&path)),
        ("create_new", FileStore::create_new(&path)),
        ("open_or_create", options.open_or_create(&path)),
    ];
    for (operation, refused) in refused {
        let error = refused.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        let cause = io::Error::from_raw_os_error(2);
        assert_eq!(error.to_string(), format!("{operation} of {path:?}: {cause}"));
        let source = error.source().and_then(|source| source.downcast_ref::<io::Error>());
        assert_eq!(source.and_then(io::Error::raw_os_error), Some(2));
        assert_eq!(crate::error::errno(&error), Some(2));
    }
    let error = options.read_only().create(&path).unwrap_err();
    assert_eq!(
        error.to_string(),
        format!("create of {path:?}: a file can only be created for writing")
    );
}
