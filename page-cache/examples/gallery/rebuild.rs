//! Building the gallery with shuttle's primitives, and running that.

use std::env;
use std::process::Command;

use crate::SHOWN;
use crate::arguments::Arguments;

pub fn run(arguments: &Arguments) -> Result<u8, String> {
    eprintln!("gallery: building the crate with the primitives of a deterministic scheduler");
    let cargo = env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let flags = env::var("RUSTFLAGS").unwrap_or_default();
    let root = env!("CARGO_MANIFEST_DIR");
    let status = Command::new(cargo)
        .args(["run", "--release", "--quiet", "--example", "gallery", "--features", "shuttle"])
        .args(["--manifest-path", &format!("{root}/Cargo.toml")])
        .args(["--target-dir", &format!("{root}/../target/shuttle"), "--"])
        .args(arguments.to_args())
        .env("RUSTFLAGS", format!("{flags} --cfg spanlock_shuttle"))
        // It would be taken for the flags instead of the other.
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .status()
        .map_err(|error| format!("cargo cannot be run: {error}"))?;
    if status.success() {
        return Ok(SHOWN);
    }
    let code = status.code().ok_or_else(|| format!("it was ended by a signal: {status}"))?;
    u8::try_from(code).map_err(|_| format!("it ended with {code}"))
}
