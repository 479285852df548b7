//! The existing page, of which the parts that are not measured now are kept.

use std::fs;
use std::io;
use std::path::Path;

use serde_json::Value;

const PAGE: &str = "performance.md";
const RECORDS: &str = "performance.json";

/// The text between these lines is a measured part; its name is in both.
pub fn begin(name: &str) -> String {
    format!("<!-- measured: {name} -->")
}

fn end(name: &str) -> String {
    format!("<!-- end of what was measured: {name} -->")
}

/// A page and its records.
pub struct Page {
    text: String,
    grids: Vec<Value>,
}

impl Page {
    /// A page without anything measured in it.
    pub fn new(text: String) -> Page {
        Page { text, grids: Vec::new() }
    }

    /// The page in `folder`, or an empty one if there is none.
    pub fn read(folder: &Path) -> io::Result<Page> {
        let text = match fs::read_to_string(folder.join(PAGE)) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Ok(Page::new(String::new()));
            }
            read => read?,
        };
        let records: Value = serde_json::from_str(&fs::read_to_string(folder.join(RECORDS))?)?;
        let grids = records["grids"].as_array().cloned().unwrap_or_default();
        Ok(Page { text, grids })
    }

    /// The records of the parts that are on the page so far.
    pub fn grids(&self) -> &[Value] {
        &self.grids
    }

    /// Inserts a part at its name.
    pub fn add(&mut self, name: &str, markdown: &str, grids: impl IntoIterator<Item = Value>) {
        let part = format!("{}\n\n{}\n\n{}", begin(name), markdown.trim(), end(name));
        self.text = self.text.replace(&begin(name), &part);
        self.grids.extend(grids);
    }

    /// The same with what an earlier page has there.
    pub fn keep(&mut self, name: &str, earlier: &Page) {
        let kept = earlier.text.split_once(&begin(name));
        let kept = kept.and_then(|(_, rest)| rest.split_once(&end(name)));
        let markdown = kept.map_or("Not measured yet.", |(markdown, _)| markdown);
        let of_part = |grid: &&Value| grid["section"] == name;
        self.add(name, markdown, earlier.grids.iter().filter(of_part).cloned());
    }

    pub fn write(&self, folder: &Path, machine: &Value) -> io::Result<()> {
        fs::write(folder.join(PAGE), &self.text)?;
        let grids: Vec<String> = self.grids.iter().map(Value::to_string).collect();
        let grids = grids.join(",\n");
        let all = format!("{{\"machine\":{machine},\n\"grids\":[\n{grids}\n]}}\n");
        fs::write(folder.join(RECORDS), all)
    }
}
