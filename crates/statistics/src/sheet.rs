//! Rows under named columns, for people and programs: as text, CSV or JSON lines. It decides nothing about their content.

use std::io::{self, Write};

use lake::Value;
use serde_json::Map;

use crate::csv::write_csv_row;
use crate::records::shown;
use crate::text::write_aligned;

/// Rows under named columns.
#[derive(Debug, Clone, PartialEq)]
pub struct Sheet {
    /// The `type` of its JSON lines.
    pub kind: &'static str,
    pub columns: Vec<String>,
    pub(crate) rows: Vec<Vec<Value>>,
}

impl Sheet {
    pub fn new(kind: &'static str, columns: &[&str], rows: Vec<Vec<Value>>) -> Self {
        Self { kind, columns: columns.iter().map(|column| (*column).to_owned()).collect(), rows }
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    pub fn write_text(&self, to: &mut dyn Write) -> io::Result<()> {
        let head: Vec<_> = self.columns.iter().map(String::as_str).collect();
        let rows: Vec<Vec<_>> = self.rows.iter().map(|row| row.iter().map(shown).collect()).collect();
        let numeric =
            |column: usize| self.rows.iter().any(|row| matches!(row[column], Value::Integer(_) | Value::Float(_)));
        let left: Vec<_> = (0..head.len()).filter(|column| !numeric(*column)).collect();
        write_aligned(to, &head, &rows, &left)
    }

    /// An absent value is an empty cell.
    pub fn write_csv(&self, to: &mut dyn Write) -> io::Result<()> {
        write_csv_row(to, &self.columns)?;
        self.rows.iter().try_for_each(|row| write_csv_row(to, &row.iter().map(Value::to_string).collect::<Vec<_>>()))
    }

    pub fn write_json(&self, to: &mut dyn Write) -> io::Result<()> {
        self.rows.iter().try_for_each(|row| {
            let mut line: Map<_, _> = [("type".to_owned(), self.kind.into())].into_iter().collect();
            line.extend(self.columns.iter().cloned().zip(row.iter().map(Value::to_json)));
            writeln!(to, "{}", serde_json::Value::Object(line))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sheet_is_written_in_three_forms() {
        let sheet = Sheet {
            kind: "row",
            columns: vec!["name".into(), "n".into()],
            rows: vec![vec![Value::Text("=a,b".into()), Value::Integer(7)], vec![Value::Null, Value::Integer(12)]],
        };
        let written = |write: &dyn Fn(&mut Vec<u8>)| {
            let mut bytes = Vec::new();
            write(&mut bytes);
            String::from_utf8(bytes).unwrap()
        };
        assert_eq!(written(&|to| sheet.write_text(to).unwrap()), "name   n\n=a,b   7\n-     12\n");
        assert_eq!(written(&|to| sheet.write_csv(to).unwrap()), "name,n\r\n\"'=a,b\",7\r\n,12\r\n");
        let json = written(&|to| sheet.write_json(to).unwrap());
        assert_eq!(json.lines().next().unwrap(), r#"{"n":7,"name":"=a,b","type":"row"}"#);
    }
}
