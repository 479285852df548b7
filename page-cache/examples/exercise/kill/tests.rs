use super::wire::{Answer, Failure, Request, Verb};

#[test]
fn what_is_sent_is_what_is_received() {
    let request = Request { verb: Verb::Reopen, offset: 1, len: 1 << 40, start: 3 };
    let mut line = Vec::new();
    request.send(&mut line, b"bytes").unwrap();
    let mut rest = &line[..];
    assert_eq!(Request::receive(&mut rest).unwrap(), request);
    assert_eq!(rest, b"bytes");
    for outcome in [Ok(7), Err(Failure::PastEnd), Err(Failure::Other)] {
        let answer = Answer { outcome, len: u64::MAX };
        let mut line = Vec::new();
        answer.send(&mut line, b"").unwrap();
        assert_eq!(Answer::receive(&mut &line[..]).unwrap(), answer);
    }
}
