//! Results on stdout: text, CSV or JSON lines.

use std::io::{self, BufWriter, Write};

use anyhow::Context;

/// Buffered stdout; a reader that has gone ends the command without a word.
pub(crate) fn stdout() -> BufWriter<io::Stdout> {
    BufWriter::new(io::stdout())
}

/// A runtime for a command that asks the lake.
pub(crate) fn block_on<T>(question: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    runtime()?.block_on(question)
}

/// The same, for one that goes to the lake between other things.
pub(crate) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().context("no runtime")
}

/// Cells of text as a line that no terminal takes for a command.
pub(crate) fn write_line(to: &mut dyn Write, cells: &[String]) -> io::Result<()> {
    let shown: Vec<_> = cells.iter().map(|cell| cell.replace(['\n', '\r', '\t', '\x1b'], " ")).collect();
    writeln!(to, "{}", shown.join("\t"))
}
