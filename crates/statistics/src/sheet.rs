//! Rows under named columns, for people and programs: as text, CSV or JSON lines. It decides nothing about their content.

use std::io::{self, Write};

use lake::Value;
use serde_json::{Map, json};

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
    pub fn write_text(&self, to: &mut dyn Write) -> io::Result<()> {
        let head: Vec<_> = self.columns.iter().map(String::as_str).collect();
        let rows: Vec<Vec<_>> = self.rows.iter().map(|row| row.iter().map(shown).collect()).collect();
        let numeric = |column: usize| self.rows.iter().any(|row| matches!(row[column], Value::Integer(_)));
        let left: Vec<_> = (0..head.len()).filter(|column| !numeric(*column)).collect();
        write_aligned(to, &head, &rows, &left)
    }

    /// An absent value is an empty cell.
    pub fn write_csv(&self, to: &mut dyn Write) -> io::Result<()> {
        let cell = |value: &Value| if *value == Value::Null { String::new() } else { shown(value) };
        write_csv_row(to, &self.columns)?;
        self.rows.iter().try_for_each(|row| write_csv_row(to, &row.iter().map(cell).collect::<Vec<_>>()))
    }

    pub fn write_json(&self, to: &mut dyn Write) -> io::Result<()> {
        self.rows.iter().try_for_each(|row| {
            let mut line: Map<_, _> = [("type".to_owned(), self.kind.into())].into_iter().collect();
            line.extend(self.columns.iter().cloned().zip(row.iter().map(to_json)));
            writeln!(to, "{}", serde_json::Value::Object(line))
        })
    }
}

/// Bytes become text in the form of [`evidence::Shown`], from which they can be read back.
fn to_json(value: &Value) -> serde_json::Value {
    match value {
        Value::Null => serde_json::Value::Null,
        Value::Text(text) => text.as_str().into(),
        Value::Integer(number) => (*number).into(),
        Value::Float(number) => json!(number),
        Value::Boolean(truth) => (*truth).into(),
        Value::Instant(time) => time.to_string().into(),
        Value::Bytes(bytes) => evidence::shown(bytes).into(),
        Value::List(items) => items.iter().map(to_json).collect(),
        Value::Struct(fields) => fields.iter().map(|(name, value)| (name.clone(), to_json(value))).collect(),
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
