//! The ranges of one `lock_many` call, sorted and merged: in ascending order, without overlaps.

use crate::raw::Part;
use crate::{Mode, Span};

/// The same claims as disjoint spans in ascending order. Where two spans overlap, the result is exclusive if one of
/// them is. Empty spans are omitted.
pub(super) fn disjoint(parts: Vec<Part>) -> Vec<Part> {
    let exclusive = union(&parts, Mode::Exclusive);
    let shared = without(union(&parts, Mode::Shared), exclusive.iter().copied());
    let part = |mode| move |span| Part { span, mode };
    let mut disjoint: Vec<Part> = shared.into_iter().map(part(Mode::Shared)).collect();
    disjoint.extend(exclusive.into_iter().map(part(Mode::Exclusive)));
    disjoint.sort_unstable_by_key(|part| part.span.start());
    disjoint
}

/// What is left of `spans` without `holes`, both disjoint and in ascending order. Each hole is visited
/// once.
fn without(spans: Vec<Span>, holes: impl Iterator<Item = Span>) -> Vec<Span> {
    let mut holes = holes.peekable();
    let mut left = Vec::with_capacity(spans.len());
    for mut span in spans {
        while holes.next_if(|hole| hole.end() <= span.start()).is_some() {}
        while let Some(&hole) = holes.peek()
            && hole.overlaps(span)
        {
            let (before, rest) = span.split_at(hole.start().max(span.start()));
            left.push(before);
            span = rest.split_at(hole.end().min(rest.end())).1;
            // A hole that reaches further may overlap the next span too.
            if span.is_empty() {
                break;
            }
            holes.next();
        }
        left.push(span);
    }
    left.retain(|span| !span.is_empty());
    left
}

/// The union of the spans of one mode, in ascending order.
fn union(parts: &[Part], mode: Mode) -> Vec<Span> {
    let of_mode = parts.iter().filter(|part| part.mode == mode && !part.span.is_empty());
    let mut spans: Vec<Span> = of_mode.map(|part| part.span).collect();
    spans.sort_unstable_by_key(|span| span.start());
    spans.dedup_by(|next, last| {
        let touches = next.start() <= last.end();
        if touches {
            *last = Span::from_range(last.start()..last.end().max(next.end()));
        }
        touches
    });
    spans
}

#[cfg(test)]
mod tests;
