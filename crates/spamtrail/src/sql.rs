//! The command `sql`.

use std::io::Write;

use anyhow::Context;
use lake::{Answer, Reader, Value};

use crate::Outcome;
use crate::arguments::{Format, Sql};
use crate::data::Data;
use crate::output::{block_on, stdout, write_line};

pub(crate) fn sql(arguments: Sql) -> anyhow::Result<Outcome> {
    let format = if arguments.json { Format::Json } else { arguments.format };
    block_on(async {
        let snapshot = Reader::open(&Data(arguments.data).lake()).await?.snapshot().await?;
        let mut out = stdout();
        let mut head = true;
        let mut failed = None;
        let written = |answer: Answer| {
            let done = write(&mut out, &answer, format, std::mem::take(&mut head));
            failed = done.err();
            failed.is_none()
        };
        snapshot.sql_in_pieces(&arguments.query, written).await.context("the query")?;
        if let Some(error) = failed {
            return Err(error.into());
        }
        out.flush()?;
        Ok(Outcome::Done)
    })
}

fn write(to: &mut dyn Write, answer: &Answer, format: Format, head: bool) -> std::io::Result<()> {
    match format {
        Format::Text => {
            if head {
                write_line(to, &answer.columns)?;
            }
            answer.rows.iter().try_for_each(|row| write_line(to, &row.iter().map(Value::to_string).collect::<Vec<_>>()))
        }
        Format::Csv => {
            if head {
                statistics::write_csv_row(to, &answer.columns)?;
            }
            answer.rows.iter().try_for_each(|row| {
                statistics::write_csv_row(to, &row.iter().map(Value::to_string).collect::<Vec<_>>())
            })
        }
        Format::Json => answer.rows.iter().try_for_each(|row| {
            let fields = answer.columns.iter().cloned().zip(row.iter().map(Value::to_json));
            let mut line: serde_json::Map<_, _> = [("type".to_owned(), "row".into())].into_iter().collect();
            line.extend(fields);
            writeln!(to, "{}", serde_json::Value::Object(line))
        }),
    }
}
