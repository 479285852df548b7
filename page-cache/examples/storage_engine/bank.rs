//! A bank: money moves between accounts, and none is made or lost.

use std::error::Error;

use fastrand::Rng;
use redb::{
    Builder, ConcurrencyMode, Database, DatabaseError, ReadableDatabase, ReadableTable, Table,
    TableDefinition,
};

use crate::backend::{Backend, Device};

/// Any error ends the example.
pub type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

const ACCOUNTS: TableDefinition<u64, &[u8]> = TableDefinition::new("accounts");
const TRANSFERS: TableDefinition<u64, u64> = TableDefinition::new("transfers by teller");

const OPENING_BALANCE: u64 = 1_000;

/// The number of bytes of an account: its balance, and space for a name and an address.
const ACCOUNT_LEN: usize = 200;

/// How many transfers are committed together.
const TRANSFERS_AT_ONCE: usize = 8;

/// An engine of its own on the file that all share.
pub struct Bank {
    engine: Database,
    accounts: u64,
}

impl Bank {
    /// Opens an engine as another process would. Its own cache is small: the pages are in the cache
    /// below it.
    pub fn open(
        device: &Device,
        accounts: u64,
        mode: ConcurrencyMode,
    ) -> Result<Bank, DatabaseError> {
        let mut builder = Builder::new();
        builder.set_cache_size(256 << 10).set_concurrency_mode(mode);
        let engine = builder.create_with_backend(Backend::new(device))?;
        Ok(Bank { engine, accounts })
    }

    /// Opens all accounts.
    pub fn found(&self) -> Outcome<()> {
        let transaction = self.engine.begin_write()?;
        {
            let mut accounts = transaction.open_table(ACCOUNTS)?;
            for number in 0..self.accounts {
                accounts.insert(number, account(OPENING_BALANCE).as_slice())?;
            }
            transaction.open_table(TRANSFERS)?;
        }
        Ok(transaction.commit()?)
    }

    /// Transfers money several times, in one transaction.
    pub fn transfer(&self, teller: u64, random: &mut Rng) -> Outcome<()> {
        let transaction = self.engine.begin_write()?;
        {
            let mut accounts = transaction.open_table(ACCOUNTS)?;
            for _ in 0..TRANSFERS_AT_ONCE {
                let [from, to] = [(); 2].map(|()| random.u64(..self.accounts));
                let has = balance_of(&accounts, from)?;
                let amount = random.u64(..=has);
                accounts.insert(from, account(has - amount).as_slice())?;
                let has = balance_of(&accounts, to)?;
                accounts.insert(to, account(has + amount).as_slice())?;
            }
            let mut transfers = transaction.open_table(TRANSFERS)?;
            let before = transfers.get(teller)?.map_or(0, |count| count.value());
            transfers.insert(teller, before + 1)?;
        }
        Ok(transaction.commit()?)
    }

    /// Adds up the balances, in one snapshot.
    pub fn audit(&self) -> Outcome<()> {
        let accounts = self.engine.begin_read()?.open_table(ACCOUNTS)?;
        let (mut count, mut total) = (0, 0);
        for entry in accounts.iter()? {
            total += balance(entry?.1.value());
            count += 1;
        }
        if (count, total) == (self.accounts, self.accounts * OPENING_BALANCE) {
            return Ok(());
        }
        Err(format!("{count} accounts of {} hold {total}", self.accounts).into())
    }

    /// How many transactions of transfers are on record.
    pub fn transactions(&self) -> Outcome<u64> {
        let transfers = self.engine.begin_read()?.open_table(TRANSFERS)?;
        let mut sum = 0;
        for entry in transfers.iter()? {
            sum += entry?.1.value();
        }
        Ok(sum)
    }

    /// Checks the whole database.
    pub fn is_intact(&mut self) -> Outcome<bool> {
        Ok(self.engine.check_integrity()?)
    }
}

fn account(balance: u64) -> [u8; ACCOUNT_LEN] {
    let mut account = [b'.'; ACCOUNT_LEN];
    account[..8].copy_from_slice(&balance.to_le_bytes());
    account
}

fn balance(account: &[u8]) -> u64 {
    u64::from_le_bytes(account[..8].try_into().expect("an account begins with its balance"))
}

fn balance_of(accounts: &Table<'_, u64, &[u8]>, number: u64) -> Outcome<u64> {
    Ok(balance(accounts.get(number)?.ok_or("an account is gone")?.value()))
}
