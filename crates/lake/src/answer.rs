//! Rows as a query gives them, in types that need no query engine.

use std::fmt;

use datafusion::arrow::array::{Array, AsArray, RecordBatch};
use datafusion::arrow::datatypes::{DataType, Float64Type, Int64Type, TimeUnit, TimestampMicrosecondType};
use datafusion::scalar::ScalarValue;
use evidence::Time;

use crate::error::LakeError;

/// What a query answered.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Answer {
    pub columns: Vec<String>,
    pub rows: Vec<Vec<Value>>,
}

/// One value. As a parameter of a query it is given for `$name`.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Text(String),
    Integer(i64),
    Float(f64),
    Boolean(bool),
    Instant(Time),
    Bytes(Vec<u8>),
    List(Vec<Value>),
    /// Fields with their names.
    Struct(Vec<(String, Value)>),
}

impl Value {
    pub fn as_text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub fn as_integer(&self) -> Option<i64> {
        match self {
            Self::Integer(number) => Some(*number),
            _ => None,
        }
    }

    pub fn as_instant(&self) -> Option<Time> {
        match self {
            Self::Instant(time) => Some(*time),
            _ => None,
        }
    }

    /// The value in JSON. Bytes become text in the form of [`evidence::Shown`], from which they can be read back.
    pub fn to_json(&self) -> serde_json::Value {
        match self {
            Self::Null => serde_json::Value::Null,
            Self::Text(text) => text.as_str().into(),
            Self::Integer(number) => (*number).into(),
            Self::Float(number) => (*number).into(),
            Self::Boolean(truth) => (*truth).into(),
            Self::Instant(time) => time.to_string().into(),
            Self::Bytes(bytes) => evidence::shown(bytes).into(),
            Self::List(items) => items.iter().map(Self::to_json).collect(),
            Self::Struct(fields) => fields.iter().map(|(name, value)| (name.clone(), value.to_json())).collect(),
        }
    }

    pub(crate) fn to_scalar(&self) -> ScalarValue {
        match self {
            Self::Null | Self::List(_) | Self::Struct(_) => ScalarValue::Null,
            Self::Text(text) => ScalarValue::Utf8View(Some(text.clone())),
            Self::Integer(number) => ScalarValue::Int64(Some(*number)),
            Self::Float(number) => ScalarValue::Float64(Some(*number)),
            Self::Boolean(truth) => ScalarValue::Boolean(Some(*truth)),
            Self::Instant(time) => ScalarValue::TimestampMicrosecond(Some(time.micros()), Some("UTC".into())),
            Self::Bytes(bytes) => ScalarValue::BinaryView(Some(bytes.clone())),
        }
    }
}

/// For people. An absent value is empty.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Null => Ok(()),
            Self::Text(text) => f.write_str(text),
            Self::Integer(number) => write!(f, "{number}"),
            Self::Float(number) => write!(f, "{number}"),
            Self::Boolean(truth) => write!(f, "{truth}"),
            Self::Instant(time) => write!(f, "{time}"),
            Self::Bytes(bytes) => f.write_str(&evidence::shown(bytes)),
            Self::List(items) => {
                let items: Vec<_> = items.iter().map(Self::to_string).collect();
                f.write_str(&items.join(", "))
            }
            Self::Struct(fields) => {
                let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
                f.write_str(&fields.join(" "))
            }
        }
    }
}

impl Answer {
    /// The place of a column.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column == name)
    }

    pub(crate) fn extend(&mut self, batch: &RecordBatch) -> Result<(), LakeError> {
        for row in 0..batch.num_rows() {
            let values = batch.columns().iter().map(|column| value(column.as_ref(), row));
            self.rows.push(values.collect::<Result<_, _>>()?);
        }
        Ok(())
    }
}

fn value(array: &dyn Array, row: usize) -> Result<Value, LakeError> {
    if array.is_null(row) {
        return Ok(Value::Null);
    }
    Ok(match array.data_type() {
        DataType::Utf8 => Value::Text(array.as_string::<i32>().value(row).to_owned()),
        DataType::Utf8View => Value::Text(array.as_string_view().value(row).to_owned()),
        DataType::Int64 => Value::Integer(array.as_primitive::<Int64Type>().value(row)),
        DataType::Float64 => Value::Float(array.as_primitive::<Float64Type>().value(row)),
        DataType::Boolean => Value::Boolean(array.as_boolean().value(row)),
        DataType::Binary => Value::Bytes(array.as_binary::<i32>().value(row).to_vec()),
        DataType::BinaryView => Value::Bytes(array.as_binary_view().value(row).to_vec()),
        DataType::Timestamp(TimeUnit::Microsecond, _) => {
            let micros = array.as_primitive::<TimestampMicrosecondType>().value(row);
            Value::Instant(Time::from_micros(micros))
        }
        DataType::List(_) => {
            let items = array.as_list::<i32>().value(row);
            Value::List((0..items.len()).map(|item| value(items.as_ref(), item)).collect::<Result<_, _>>()?)
        }
        DataType::Struct(fields) => {
            let columns = array.as_struct().columns().iter();
            let named = fields
                .iter()
                .zip(columns)
                .map(|(field, column)| Ok((field.name().clone(), value(column.as_ref(), row)?)));
            Value::Struct(named.collect::<Result<_, LakeError>>()?)
        }
        // Other types come only of a query's own expressions: narrow numbers, decimals, dates, other instants.
        _ => other(array, row)?,
    })
}

fn other(array: &dyn Array, row: usize) -> Result<Value, LakeError> {
    use datafusion::arrow::compute::cast;
    let one = array.slice(row, 1);
    let wider = match array.data_type() {
        data_type if data_type.is_integer() && *data_type != DataType::UInt64 => DataType::Int64,
        data_type if data_type.is_floating() => DataType::Float64,
        DataType::Timestamp(_, zone) => DataType::Timestamp(TimeUnit::Microsecond, zone.clone()),
        _ => DataType::Utf8,
    };
    value(cast(&one, &wider)?.as_ref(), 0)
}
