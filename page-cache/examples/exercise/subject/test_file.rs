//! The real file under the cache.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::PathBuf;

use spanlock_page_cache::{FileStore, Store};

use crate::options::{Options, StoreAccess};

/// The real file under the cache. A file without a name is deleted when the process ends, however it ends.
pub struct Backing {
    file: File,
    name: Option<PathBuf>,
    size: u64,
    access: StoreAccess,
    /// Why it is not accessed in the requested way.
    refusal: Option<io::Error>,
}

/// Why the file could not be created.
#[derive(Debug)]
pub enum BackingError {
    Open { name: PathBuf, error: io::Error },
    NotAFile { name: PathBuf },
    Resize { name: PathBuf, size: u64, error: io::Error },
}

impl Backing {
    /// The sparse file with this number, as `options` describe it.
    pub fn create(options: &Options, number: u16) -> Result<Backing, BackingError> {
        let folder = std::env::temp_dir();
        let path = options.file.as_ref().map(|path| match number {
            0 => path.clone(),
            more => PathBuf::from(format!("{}.{more}", path.display())),
        });
        let file = match &path {
            Some(path) => {
                let mut open = OpenOptions::new();
                open.read(true).write(true).create(true).truncate(false).open(path)
            }
            None => tempfile::tempfile_in(&folder),
        };
        let name = path.clone().unwrap_or(folder);
        let file = match file {
            Ok(file) => file,
            Err(error) => return Err(BackingError::Open { name, error }),
        };
        if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
            return Err(BackingError::NotAFile { name });
        }
        let size = options.size;
        match file.set_len(0).and_then(|()| file.set_len(size)) {
            Ok(()) => {
                let access = StoreAccess::Buffered;
                let backing = Backing { file, name: path, size, access, refusal: None };
                Ok(backing.reached_by(options.access(number)))
            }
            Err(error) => Err(BackingError::Resize { name, size, error }),
        }
    }

    /// The same, opened in this way; or through the kernel's cache, if the file system has no direct IO.
    fn reached_by(self, access: StoreAccess) -> Backing {
        match access {
            StoreAccess::Buffered => self,
            // Some file systems report this only at the first read.
            StoreAccess::Direct => {
                match self.open_direct().and_then(|it| it.read_at(&mut [0], 0)) {
                    Ok(_) => Backing { access, ..self },
                    Err(error) => Backing { refusal: Some(error), ..self },
                }
            }
        }
    }

    /// A store over the file.
    pub fn store(&self) -> Result<FileStore, BackingError> {
        let store = match self.access {
            StoreAccess::Buffered => self.file.try_clone().map(FileStore::new),
            StoreAccess::Direct => self.open_direct(),
        };
        store.map_err(|error| self.unreadable(error))
    }

    /// The maximum length of the file.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Whether the file bypasses the kernel's cache.
    pub fn is_direct(&self) -> bool {
        self.access == StoreAccess::Direct
    }

    /// The message if the file should bypass the kernel's cache and does not.
    pub fn refusal(&self) -> Option<String> {
        let error = self.refusal.as_ref()?;
        let name = self.place();
        Some(format!("no direct access to a file at {}: {error}; buffered instead", name.display()))
    }

    /// The length of the file itself.
    pub fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    /// Reads the next bytes of the file itself, until `bytes` are full or it ends.
    pub fn read(&self, bytes: &mut [u8], offset: u64) -> io::Result<usize> {
        let mut file = &self.file;
        file.seek(SeekFrom::Start(offset))?;
        let mut done = 0;
        while done < bytes.len() {
            match file.read(&mut bytes[done..]) {
                Ok(0) => break,
                Ok(part) => done += part,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        Ok(done)
    }

    /// The message if the cache cannot open the store.
    pub fn unreadable(&self, error: io::Error) -> BackingError {
        BackingError::Open { name: self.place(), error }
    }

    fn place(&self) -> PathBuf {
        self.name.clone().unwrap_or_else(std::env::temp_dir)
    }

    fn open_direct(&self) -> io::Result<FileStore> {
        match &self.name {
            Some(name) => FileStore::open_direct(name),
            None => FileStore::open_direct(path_of_unnamed(&self.file)?),
        }
    }
}

#[cfg(target_os = "linux")]
fn path_of_unnamed(file: &File) -> io::Result<PathBuf> {
    use std::os::fd::AsRawFd;
    Ok(PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd())))
}

#[cfg(not(target_os = "linux"))]
fn path_of_unnamed(_: &File) -> io::Result<PathBuf> {
    Err(io::Error::new(io::ErrorKind::Unsupported, "direct IO on an unnamed file needs Linux"))
}

impl fmt::Display for BackingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BackingError::Open { name, error } => {
                write!(f, "cannot write to {}: {error}", name.display())
            }
            BackingError::NotAFile { name } => {
                write!(f, "cannot write to {}: it is not a regular file", name.display())
            }
            BackingError::Resize { name, size, error } => {
                write!(f, "cannot make a file of {size} bytes at {}: {error}", name.display())
            }
        }
    }
}

impl std::error::Error for BackingError {}
