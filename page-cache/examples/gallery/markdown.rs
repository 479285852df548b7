//! The gallery as docs/gallery.md.

use crate::columns;
use crate::exhibit::{Exhibit, grouped};
use crate::terminal::faults;

const INTRODUCTION: &str = "\
# The gallery: protocols that break, and how a machine finds it

Each entry is a protocol that a kernel shipped, or that was proposed on a mailing list and turned down. It
is built out of this crate's own range lock, page locks and mm lock, and run by a deterministic scheduler in
one order of its threads after the other, until something is found. Beside it the right protocol, which is
the cache's own path wherever it has one, comes through the same scenario.

This file is printed by `cargo run --release --example gallery -- --markdown`, and CI checks that it is
what that prints. `page-cache/docs/design.md` tells how the schedules are chosen. The number under *in* is of the schedule
that it was found in; the seeds are fixed, so it is the same in every run until a path changes.

A lock that is *of pages 0..2* is claimed for those pages only. *Seed* names the mail thread: 000 how NFS
writes parts of pages, 001 the page lock and the copy from user memory, 002 the range lock between mmap_sem
and the page lock, 003 pageout by the flusher, 004 write-through in FUSE.
";

pub fn print(exhibits: &[Exhibit]) {
    println!("{INTRODUCTION}");
    println!(
        "| | what the broken protocol does | what is found | in | the right one survives | seed |"
    );
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
    println!("\nRight:\n");
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
