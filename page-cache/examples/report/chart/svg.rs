//! SVG, as far as the charts need it.

use std::fmt::{Arguments, Write};

/// The height of a line of text.
pub const LINE: f64 = 15.0;

const SIZE: f64 = 12.0;

/// A picture while it is drawn.
pub struct Svg(String);

/// The alignment of a text at its point.
#[derive(Clone, Copy)]
pub enum Anchor {
    Start,
    Middle,
    End,
}

impl Svg {
    pub fn new(width: f64, height: f64) -> Svg {
        Svg(format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {width} {height}\" \
             width=\"{width}\" height=\"{height}\" font-family=\"sans-serif\" \
             font-size=\"{SIZE}\">\n\
             <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n"
        ))
    }

    pub fn finish(self) -> String {
        self.0 + "</svg>\n"
    }

    pub fn line(&mut self, from: (f64, f64), to: (f64, f64), colour: &str, weight: f64) {
        self.put(format_args!(
            "<line x1=\"{:.1}\" y1=\"{:.1}\" x2=\"{:.1}\" y2=\"{:.1}\" stroke=\"{colour}\" \
             stroke-width=\"{weight}\"/>",
            from.0, from.1, to.0, to.1
        ));
    }

    pub fn circle(&mut self, (x, y): (f64, f64), radius: f64, colour: &str) {
        self.put(format_args!(
            "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"{radius}\" fill=\"{colour}\"/>"
        ));
    }

    /// A square rotated by 45 degrees.
    pub fn diamond(&mut self, (x, y): (f64, f64), radius: f64, colour: &str) {
        self.put(format_args!(
            "<path d=\"M{:.1} {y:.1}L{x:.1} {:.1}L{:.1} {y:.1}L{x:.1} {:.1}Z\" fill=\"none\" \
             stroke=\"{colour}\" stroke-width=\"2\"/>",
            x - radius,
            y - radius,
            x + radius,
            y + radius
        ));
    }

    pub fn area(&mut self, (x, y): (f64, f64), (width, height): (f64, f64), colour: &str) {
        self.put(format_args!(
            "<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" \
             fill=\"{colour}\"/>"
        ));
    }

    pub fn text(&mut self, (x, y): (f64, f64), anchor: Anchor, text: &str) {
        let text = text.replace('`', "").replace('&', "&amp;").replace('<', "&lt;");
        let anchor = match anchor {
            Anchor::Start => "start",
            Anchor::Middle => "middle",
            Anchor::End => "end",
        };
        self.put(format_args!(
            "<text x=\"{x:.1}\" y=\"{y:.1}\" text-anchor=\"{anchor}\" \
             fill=\"#222222\">{text}</text>"
        ));
    }

    fn put(&mut self, element: Arguments<'_>) {
        writeln!(self.0, "{element}").expect("a string takes everything");
    }
}

/// How wide `text` is at most, in the widest of the usual fonts without serifs: nothing tells which
/// one the reader has, and what does not fit is cut off.
pub fn width(text: &str) -> f64 {
    let widths = text.chars().map(|character| match character {
        'i' | 'j' | 'l' | 'I' | '.' | ',' | ':' | ';' | '\'' | '|' | ' ' | '(' | ')' | '['
        | ']' => 0.42,
        'm' | 'w' | 'M' | 'W' | '%' | '@' => 1.02,
        'A'..='Z' | '&' => 0.8,
        _ => 0.66,
    });
    widths.sum::<f64>() * SIZE
}

/// `text` in lines that are no wider than `limit`, broken at blanks.
pub fn wrapped(text: &str, limit: f64) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("there is one");
        if line.is_empty() {
            line.push_str(word);
        } else if width(line) + width(" ") + width(word) <= limit {
            line.push(' ');
            line.push_str(word);
        } else {
            lines.push(word.to_owned());
        }
    }
    lines
}
