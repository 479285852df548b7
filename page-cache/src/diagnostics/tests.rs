use std::io::{self, ErrorKind};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

use super::{Wait, Waiting, answered, background_error, lost};
use crate::{File, MemStore, PageCache};

/// Records events.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<(Level, String)>>>);

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        self.0 += &format!("{}={value:?} ", field.name());
    }
}

impl Subscriber for Kept {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, event: &Event<'_>) {
        let mut text = Text(String::new());
        event.record(&mut text);
        self.0.lock().unwrap().push((*event.metadata().level(), text.0));
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// The events while `told` runs on this thread.
fn told(tell: impl FnOnce()) -> Vec<(Level, String)> {
    let kept = Kept::default();
    tracing::subscriber::with_default(kept.clone(), tell);
    std::mem::take(&mut kept.0.lock().unwrap())
}

#[test]
fn errors_that_are_returned_to_no_caller_are_logged_with_the_name_of_the_store() {
    let heard = told(|| {
        background_error("disk 1", &io::Error::other("it is full"));
        lost("disk 1", 3, 100);
    });
    assert!(heard.iter().all(|(level, text)| *level == Level::ERROR && text.contains("disk 1")));
    assert!(heard[0].1.contains("it is full"), "{heard:?}");
    assert!(heard[1].1.contains("pages=3") && heard[1].1.contains("bytes=100"), "{heard:?}");
}

#[test]
fn slow_requests_and_long_waits_are_logged_and_others_are_not() {
    let heard = told(|| {
        answered("disk 1", "write", Duration::from_millis(999));
        answered("disk 1", "sync", Duration::from_secs(1));
        drop(Waiting::new(Wait::Frame));
        let mut waiting = Waiting::new(Wait::FramePermit);
        waiting.long = Duration::ZERO;
        drop(waiting);
    });
    let texts: Vec<_> = heard.iter().map(|(_, text)| text.as_str()).collect();
    assert!(texts.len() == 2 && texts[0].contains("sync"), "{texts:?}");
    assert!(texts[1].contains(Wait::FramePermit.name()), "{texts:?}");
}

/// A subscriber that calls a function for each event.
struct Calling<F>(F);

impl<F: Fn() + 'static> Subscriber for Calling<F> {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }
    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {
        (self.0)();
    }
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

/// Reports one event of each kind.
fn report_all() {
    background_error("disk 1", &io::Error::other("it is full"));
    lost("disk 1", 3, 100);
    answered("disk 1", "sync", Duration::from_secs(1));
    let mut waiting = Waiting::new(Wait::FramePermit);
    waiting.long = Duration::ZERO;
    drop(waiting);
}

#[test]
fn a_panic_of_a_subscriber_does_not_reach_what_the_event_is_about() {
    let subscriber = Calling(|| panic!("the subscriber panics"));
    tracing::subscriber::with_default(subscriber, report_all);
}

/// It may be called with claims held and with pages in flight.
#[test]
fn a_subscriber_cannot_use_the_cache() {
    let open = |cache: &PageCache| cache.open(MemStore::new()).unwrap();
    let files = [open(&PageCache::new(16)), open(&PageCache::new(16))];
    let used: Arc<Mutex<Vec<ErrorKind>>> = Arc::default();
    let (noted, in_subscriber) = (Arc::clone(&used), files.clone());
    let write = |file: &File| file.write_all_at(b"an event", 0);
    let subscriber = Calling(move || {
        let refused = in_subscriber.iter().map(|file| write(file).unwrap_err().kind());
        noted.lock().unwrap().extend(refused);
    });
    tracing::subscriber::with_default(subscriber, report_all);
    assert_eq!(*used.lock().unwrap(), [ErrorKind::Deadlock; 8]);
    files.iter().for_each(|file| write(file).unwrap());
}
