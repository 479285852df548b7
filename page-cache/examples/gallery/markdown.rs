//! The gallery as page-cache/docs/gallery.md.

use crate::columns;
use crate::exhibit::{Exhibit, grouped};
use crate::terminal::faults;

const INTRODUCTION: &str = "\
# The gallery: locking protocols that fail

Each entry is a locking protocol that a kernel shipped, or that was proposed on a mailing list and rejected. It uses
the real range lock, page locks and mm lock of these crates. A deterministic scheduler runs it in one schedule after
another until it fails. The correct protocol, which is the page cache's own code where it has one, survives the same
scenario.

`cargo run --release --example gallery -- --markdown` prints this file, and CI compares it.
`page-cache/src/gallery/explore.rs` describes how schedules are chosen. The column *in* has the number of the schedule
that failed; the seeds are fixed, so it changes only when the code does.

A lock *of pages 0..2* is held for those pages only. *Seed* names the mail thread: 000 NFS's partial page writes,
001 the page lock and the copy from user memory, 002 the range lock between mmap_sem and the page lock, 003 pageout by
the flusher, 004 write-through in FUSE.
";

pub fn print(exhibits: &[Exhibit]) {
    println!("{INTRODUCTION}");
    println!("| | what the broken protocol does | found | in | the correct one survives | seed |");
    println!("|---|---|---|---|---|---|");
    for exhibit in exhibits {
        println!(
            "| [{id}](#{anchor}) | {} | {} | {} | {} | {} |",
            exhibit.entry.mistake,
            exhibit.found(),
            grouped(exhibit.broken.schedules),
            exhibit.survived(),
            exhibit.entry.seed,
            id = exhibit.id(),
            anchor = exhibit.id().to_lowercase(),
        );
    }
    exhibits.iter().for_each(print_story);
}

fn print_story(exhibit: &Exhibit) {
    let entry = exhibit.entry;
    println!("\n<a id=\"{}\"></a>\n", entry.id.to_lowercase());
    println!("## {}: {}\n", entry.id, entry.title);
    println!("Broken ({}):\n", entry.mistake);
    print_steps(entry.broken.steps);
    println!("\nCorrect:\n");
    print_steps(entry.right.steps);
    let Some(finding) = &exhibit.broken.finding else { return };
    println!("\nFound in schedule {}:\n", grouped(exhibit.broken.schedules));
    faults(&finding.fault).iter().for_each(|line| println!("- {line}"));
    println!("\n```text");
    columns::lines(finding).iter().for_each(|line| println!("{line}"));
    println!("```");
}

fn print_steps(steps: &[&str]) {
    for (number, step) in (1..).zip(steps) {
        println!("{number}. {step}");
    }
}
