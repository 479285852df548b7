//! What the gallery is asked to show.

use lexopt::prelude::*;

/// How it is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For a terminal: a table, or the stories of those that were named.
    Terminal,
    /// Both, as page-cache/docs/gallery.md has them.
    Markdown,
}

/// What was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arguments {
    pub form: Form,
    /// The entries that were named; all, if none was.
    pub entries: Vec<String>,
}

impl Arguments {
    pub fn parse() -> Result<Arguments, String> {
        let mut arguments = Arguments { form: Form::Terminal, entries: Vec::new() };
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next().map_err(|error| error.to_string())? {
            match argument {
                Long("markdown") => arguments.form = Form::Markdown,
                Value(entry) => arguments.entries.push(entry.to_string_lossy().into_owned()),
                other => return Err(other.unexpected().to_string()),
            }
        }
        Ok(arguments)
    }

    /// As they are to be given to another run.
    #[cfg(not(spanlock_shuttle))]
    pub fn to_args(&self) -> Vec<String> {
        let form = match self.form {
            Form::Terminal => None,
            Form::Markdown => Some("--markdown".to_owned()),
        };
        form.into_iter().chain(self.entries.iter().cloned()).collect()
    }
}
