//! Choosing what to show, running it, and showing it.

use crate::arguments::{Arguments, Form};
use crate::exhibit::{self, Exhibit};
use crate::{NOT_SHOWN, SHOWN, markdown, terminal};
use spanlock_page_cache::gallery::{self, Entry};

pub fn run(arguments: &Arguments) -> Result<u8, String> {
    let chosen = choose(&arguments.entries)?;
    let exhibits = exhibit::run(&chosen);
    match arguments.form {
        Form::Markdown => markdown::print(&exhibits),
        Form::Terminal if arguments.entries.is_empty() => terminal::print_table(&exhibits),
        Form::Terminal => exhibits.iter().for_each(terminal::print_story),
    }
    let failed: Vec<&str> =
        exhibits.iter().filter(|shown| !shown.holds()).map(Exhibit::id).collect();
    if failed.is_empty() {
        return Ok(SHOWN);
    }
    eprintln!("gallery: {} did not end as expected", failed.join(", "));
    Ok(NOT_SHOWN)
}

/// The entries of these names; a name without its letter selects all entries with a letter.
fn choose(names: &[String]) -> Result<Vec<&'static Entry>, String> {
    let all = gallery::entries();
    if names.is_empty() {
        return Ok(all.iter().collect());
    }
    let mut chosen = Vec::new();
    for name in names {
        let before = chosen.len();
        chosen.extend(all.iter().filter(|entry| is_named(entry.id, name)));
        if chosen.len() == before {
            let ids: Vec<&str> = all.iter().map(|entry| entry.id).collect();
            return Err(format!("there is no {name}, but {}", ids.join(", ")));
        }
    }
    Ok(chosen)
}

fn is_named(id: &str, name: &str) -> bool {
    let number = id.trim_end_matches(|letter: char| letter.is_ascii_lowercase());
    id.eq_ignore_ascii_case(name) || number.eq_ignore_ascii_case(name)
}
