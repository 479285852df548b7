use std::panic::panic_any;

use super::{catch, discard, resume};

/// Panics when it is dropped, as often as its number says.
struct Bomb(u32);

impl Drop for Bomb {
    fn drop(&mut self) {
        if let Some(left) = self.0.checked_sub(1) {
            panic_any(Bomb(left));
        }
    }
}

#[test]
fn a_payload_whose_drop_panics_is_discarded() {
    for panics in 0..3 {
        discard(Box::new(Bomb(panics)));
    }
}

#[test]
fn a_panic_is_resumed_unless_the_thread_unwinds() {
    struct ResumesAnother;

    impl Drop for ResumesAnother {
        fn drop(&mut self) {
            resume(Box::new("the second"));
        }
    }

    let payload = catch(|| {
        let _resumes = ResumesAnother;
        panic_any("the first");
    });
    assert_eq!(payload.unwrap_err().downcast_ref(), Some(&"the first"));
    let payload = catch(|| drop(ResumesAnother));
    assert_eq!(payload.unwrap_err().downcast_ref(), Some(&"the second"));
}
