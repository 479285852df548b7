//! A finding's events, one column to a thread.

use spanlock_page_cache::gallery::{Event, Finding, What};

const WIDTH: usize = 30;

/// The events, as lines.
pub fn lines(finding: &Finding) -> Vec<String> {
    let used: Vec<usize> = (0..finding.threads.len())
        .filter(|&thread| finding.events.iter().any(|event| event.thread == thread))
        .collect();
    let names = used.iter().map(|&thread| finding.threads[thread].clone()).collect::<Vec<_>>();
    let mut lines = vec![
        row(&names),
        row(&names.iter().map(|name| "-".repeat(name.len())).collect::<Vec<_>>()),
    ];
    for (at, event) in finding.events.iter().enumerate() {
        let Some(text) = text(&finding.events, at) else { continue };
        let column = used.iter().position(|&thread| thread == event.thread).unwrap_or(0);
        for part in wrapped(&text) {
            lines.push(format!("{}{part}", " ".repeat(column * (WIDTH + 2))));
        }
    }
    lines
}

fn row(cells: &[String]) -> String {
    let padded: Vec<String> = cells.iter().map(|cell| format!("{cell:WIDTH$}")).collect();
    padded.join("  ").trim_end().to_owned()
}

/// The text for an event; none if the event before has the same text.
fn text(events: &[Event], at: usize) -> Option<String> {
    let Event { thread, what } = &events[at];
    let told = |index: usize, wanted: &What| {
        events.get(index).is_some_and(|event| event.thread == *thread && event.what == *wanted)
    };
    Some(match what {
        What::Asks(lock) if told(at + 1, &What::Gets(lock.clone())) => format!("takes the {lock}"),
        What::Asks(lock) => {
            let gets = What::Gets(lock.clone());
            let granted =
                events[at..].iter().any(|event| event.thread == *thread && event.what == gets);
            if granted { format!("asks for the {lock}") } else { format!("WAITS for the {lock}") }
        }
        What::Gets(lock) if at > 0 && told(at - 1, &What::Asks(lock.clone())) => return None,
        What::Gets(lock) => format!("gets the {lock}"),
        What::Leaves(lock) => format!("releases the {lock}"),
        What::Does(deed) => deed.clone(),
    })
}

fn wrapped(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.len() + 1 + word.len() <= WIDTH => {
                line.push(' ');
                line.push_str(word);
            }
            // A continued line is indented.
            Some(_) => lines.push(format!("  {word}")),
            None => lines.push(word.to_owned()),
        }
    }
    lines
}
