//! The engines. A commit is durable when it returns, in each of them; each has a cache of 64 MiB, so that all is in it.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Mutex;

use redb::{Database, Durability, ReadableDatabase, ReadableTable, TableDefinition};
use rusqlite::Connection;
use spanlock_page_cache::{FileStore, Options, PageCache};

use crate::Result;
use crate::tree::Tree;

const CACHE: usize = 64 << 20;

pub type Put = (u64, [u8; 24]);

pub trait Engine: Sized + Sync {
    fn create(folder: &Path) -> Result<Self>;
    /// Puts values, in one transaction where there is one, and makes them durable.
    fn commit(&self, puts: &[Put]) -> Result<()>;
    /// Reads keys, in one transaction where there is one; how many it found.
    fn read(&self, keys: &[u64]) -> Result<u64>;
    /// Reads all keys and values in order; how many there are.
    fn scan(&self) -> Result<u64>;
}

/// So much of the log may be between two checkpoints, as in SQLite, which makes one after 1,000 pages.
const LOG: u64 = 1000 * 4096;

/// A put is atomic by itself here: the tree has no transactions of several.
pub struct Btree {
    tree: Tree,
    /// Where the log ended when the last checkpoint began.
    checkpoint: Mutex<u64>,
}

impl Engine for Btree {
    fn create(folder: &Path) -> Result<Btree> {
        let cache = PageCache::with_options(Options::with_bytes(CACHE));
        let data = FileStore::create(folder.join("data"))?;
        let log = FileStore::create(folder.join("log"))?;
        Ok(Btree { tree: Tree::open(&cache, data, log)?.0, checkpoint: Mutex::new(0) })
    }

    fn commit(&self, puts: &[Put]) -> Result<()> {
        let mut last = 0;
        for (key, value) in puts {
            last = self.tree.put(*key, value)?;
        }
        self.tree.sync_to(last)?;
        // One thread makes it, and others commit meanwhile.
        if let Ok(mut checkpoint) = self.checkpoint.try_lock()
            && last > *checkpoint + LOG
        {
            self.tree.checkpoint()?;
            *checkpoint = last;
        }
        Ok(())
    }

    fn read(&self, keys: &[u64]) -> Result<u64> {
        let mut found = 0;
        for &key in keys {
            found += u64::from(self.tree.get(key)?.is_some());
        }
        Ok(found)
    }

    fn scan(&self) -> Result<u64> {
        let (mut count, mut sum) = (0, 0);
        self.tree.scan(0, |key, value| {
            count += 1;
            sum ^= key ^ u64::from(value[0]);
            ControlFlow::Continue(())
        })?;
        std::hint::black_box(sum);
        Ok(count)
    }
}

pub struct Redb(Database);

const TABLE: TableDefinition<'_, u64, [u8; 24]> = TableDefinition::new("table");

impl Engine for Redb {
    fn create(folder: &Path) -> Result<Redb> {
        Ok(Redb(Database::builder().set_cache_size(CACHE).create(folder.join("redb"))?))
    }

    fn commit(&self, puts: &[Put]) -> Result<()> {
        let mut transaction = self.0.begin_write()?;
        transaction.set_durability(Durability::Immediate)?;
        {
            let mut table = transaction.open_table(TABLE)?;
            for (key, value) in puts {
                table.insert(key, value)?;
            }
        }
        Ok(transaction.commit()?)
    }

    fn read(&self, keys: &[u64]) -> Result<u64> {
        let table = self.0.begin_read()?.open_table(TABLE)?;
        let mut found = 0;
        for key in keys {
            found += u64::from(table.get(key)?.is_some_and(|value| value.value()[0] > 0));
        }
        Ok(found)
    }

    fn scan(&self) -> Result<u64> {
        let table = self.0.begin_read()?.open_table(TABLE)?;
        let (mut count, mut sum) = (0, 0);
        for entry in table.iter()? {
            let (key, value) = entry?;
            count += 1;
            sum ^= key.value() ^ u64::from(value.value()[0]);
        }
        std::hint::black_box(sum);
        Ok(count)
    }
}

/// With a write-ahead log that each commit syncs.
pub struct Sqlite(Mutex<Connection>);

impl Engine for Sqlite {
    fn create(folder: &Path) -> Result<Sqlite> {
        let connection = Connection::open(folder.join("sqlite"))?;
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "cache_size", -((CACHE >> 10) as i64))?;
        connection.execute("create table t (k integer primary key, v blob not null)", ())?;
        Ok(Sqlite(Mutex::new(connection)))
    }

    fn commit(&self, puts: &[Put]) -> Result<()> {
        let mut connection = self.0.lock().unwrap();
        let transaction = connection.transaction()?;
        {
            let mut put = transaction.prepare_cached("insert or replace into t values (?1, ?2)")?;
            for (key, value) in puts {
                put.execute((*key as i64, &value[..]))?;
            }
        }
        Ok(transaction.commit()?)
    }

    fn read(&self, keys: &[u64]) -> Result<u64> {
        let mut connection = self.0.lock().unwrap();
        let transaction = connection.transaction()?;
        let mut found = 0;
        {
            let mut get = transaction.prepare_cached("select v from t where k = ?1")?;
            for &key in keys {
                let value = |row: &rusqlite::Row<'_>| {
                    Ok(row.get_ref(0)?.as_blob().is_ok_and(|value| value[0] > 0))
                };
                found += u64::from(get.query_row((key as i64,), value)?);
            }
        }
        transaction.commit()?;
        Ok(found)
    }

    fn scan(&self) -> Result<u64> {
        let connection = self.0.lock().unwrap();
        let mut all = connection.prepare_cached("select k, v from t order by k")?;
        let mut rows = all.query(())?;
        let (mut count, mut sum) = (0, 0);
        while let Some(row) = rows.next()? {
            count += 1;
            let value = u64::from(row.get_ref(1)?.as_blob()?[0]);
            sum ^= row.get::<_, i64>(0)? as u64 ^ value;
        }
        std::hint::black_box(sum);
        Ok(count)
    }
}
