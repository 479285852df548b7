//! Shows the protocols that break, and how a machine finds it.
//!
//! ```console
//! $ cargo run --release --example gallery             # all of them, as a table
//! $ cargo run --release --example gallery -- K10      # the story of one, and of its kin
//! $ cargo run --release --example gallery -- --markdown > page-cache/docs/gallery.md
//! ```
//!
//! The exploring needs the crate built with shuttle's primitives in the place of the real ones. Built
//! without, this program makes cargo build it again with `--cfg spanlock_shuttle`, in a target folder of its
//! own, and runs that.
//!
//! It ends with 0 if every broken protocol failed and every correct one survived, with 1 if
//! not, and with 2 if it was asked for something that there is not.

mod arguments;
#[cfg(spanlock_shuttle)]
mod columns;
#[cfg(spanlock_shuttle)]
mod exhibit;
#[cfg(spanlock_shuttle)]
mod front;
#[cfg(spanlock_shuttle)]
mod markdown;
#[cfg(not(spanlock_shuttle))]
mod rebuild;
#[cfg(spanlock_shuttle)]
mod terminal;

use std::process::ExitCode;

use arguments::Arguments;
#[cfg(spanlock_shuttle)]
use front::run;
#[cfg(not(spanlock_shuttle))]
use rebuild::run;

/// Every broken protocol failed, and every correct one survived.
const SHOWN: u8 = 0;
#[cfg(spanlock_shuttle)]
const NOT_SHOWN: u8 = 1;
const MISUSED: u8 = 2;

fn main() -> ExitCode {
    let status = Arguments::parse().and_then(|arguments| run(&arguments));
    match status {
        Ok(status) => status.into(),
        Err(complaint) => {
            eprintln!("gallery: {complaint}");
            MISUSED.into()
        }
    }
}
