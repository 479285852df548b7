//! The gallery on a terminal.

use spanlock_page_cache::gallery::Fault;

use crate::columns;
use crate::exhibit::{Exhibit, grouped};

pub fn print_table(exhibits: &[Exhibit]) {
    let rows: Vec<[String; 6]> = exhibits.iter().map(cells).collect();
    let heads = [
        "",
        "what the broken protocol does",
        "what is found",
        "in",
        "the correct one survives",
        "seed",
    ];
    let widths: Vec<usize> = (0..heads.len())
        .map(|column| {
            let cells = rows.iter().map(|row| row[column].chars().count());
            cells.max().unwrap_or(0).max(heads[column].len())
        })
        .collect();
    print_row(&heads.map(str::to_owned), &widths);
    rows.iter().for_each(|row| print_row(row, &widths));
}

fn cells(exhibit: &Exhibit) -> [String; 6] {
    [
        exhibit.id().to_owned(),
        exhibit.entry.mistake.to_owned(),
        exhibit.found(),
        grouped(exhibit.broken.schedules),
        exhibit.survived(),
        exhibit.entry.seed.to_owned(),
    ]
}

fn print_row(row: &[String; 6], widths: &[usize]) {
    let padded: Vec<String> =
        row.iter().zip(widths).map(|(cell, &width)| format!("{cell:width$}")).collect();
    println!("{}", padded.join("  ").trim_end());
}

pub fn print_story(exhibit: &Exhibit) {
    let entry = exhibit.entry;
    println!("{}: {}", entry.id, entry.title);
    println!("({})\n", entry.seed);
    println!("Broken: {}", entry.mistake);
    print_steps(entry.broken.steps);
    println!("\nCorrect:");
    print_steps(entry.right.steps);
    let schedules = grouped(exhibit.broken.schedules);
    match &exhibit.broken.finding {
        None => println!("\nNothing was found in {schedules} schedules."),
        Some(finding) => {
            println!("\nFound in schedule {schedules}:");
            faults(&finding.fault).iter().for_each(|line| println!("  {line}"));
            println!();
            columns::lines(finding).iter().for_each(|line| println!("  {line}"));
        }
    }
    if let Some(finding) = &exhibit.right.finding {
        println!("\nThe correct one fails:");
        faults(&finding.fault).iter().for_each(|line| println!("  {line}"));
        println!();
        columns::lines(finding).iter().for_each(|line| println!("  {line}"));
    }
    println!("\nThe correct one survives these schedules: {}.\n", exhibit.survived());
}

/// What was found, in whole sentences.
pub fn faults(fault: &Fault) -> Vec<String> {
    match fault {
        Fault::Deadlock(cycle) => cycle.iter().map(|link| format!("{link}.")).collect(),
        Fault::Violation { reader, saw, rule } => {
            vec![format!("{reader} sees {saw}."), format!("Against {rule}.")]
        }
        Fault::NoProgress(what) | Fault::Panic(what) => vec![format!("{what}.")],
    }
}

fn print_steps(steps: &[&str]) {
    for (number, step) in (1..).zip(steps) {
        println!("  {number}. {step}");
    }
}
