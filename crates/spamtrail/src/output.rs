//! Results on stdout: text, CSV or JSON lines.

use std::io::{self, BufWriter, Write};

use anyhow::Context;
use lake::Value;

/// Buffered stdout; a reader that has gone ends the command without a word.
pub(crate) fn stdout() -> BufWriter<io::Stdout> {
    BufWriter::new(io::stdout())
}

/// A runtime for a command that asks the lake.
pub(crate) fn block_on<T>(question: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")?.block_on(question)
}

/// A value as a cell of text.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Text(text) => text.clone(),
        Value::Integer(number) => number.to_string(),
        Value::Float(number) => number.to_string(),
        Value::Boolean(truth) => truth.to_string(),
        Value::Instant(time) => time.to_string(),
        Value::Bytes(bytes) => evidence::shown(bytes),
        Value::List(items) => items.iter().map(text).collect::<Vec<_>>().join(", "),
        Value::Struct(fields) => {
            fields.iter().map(|(name, value)| format!("{name}={}", text(value))).collect::<Vec<_>>().join(" ")
        }
    }
}

/// A value as JSON. Bytes become text in the form of [`evidence::Shown`], from which they can be read back.
pub(crate) fn json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Text(text) => text.as_str().into(),
        Value::Integer(number) => (*number).into(),
        Value::Float(number) => (*number).into(),
        Value::Boolean(truth) => (*truth).into(),
        Value::Instant(time) => time.to_string().into(),
        Value::Bytes(bytes) => evidence::shown(bytes).into(),
        Value::List(items) => items.iter().map(json).collect(),
        Value::Struct(fields) => fields.iter().map(|(name, value)| (name.clone(), json(value))).collect(),
    }
}

/// Cells of text as a line that no terminal takes for a command.
pub(crate) fn write_line(to: &mut dyn Write, cells: &[String]) -> io::Result<()> {
    let shown: Vec<_> = cells.iter().map(|cell| cell.replace(['\n', '\r', '\t', '\x1b'], " ")).collect();
    writeln!(to, "{}", shown.join("\t"))
}
