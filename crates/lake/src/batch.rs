//! Rows of the vocabulary become record batches, column by column, as the registry says.

use std::sync::Arc;

use datafusion::arrow::array::{
    ArrayRef, BinaryBuilder, BooleanBuilder, Int64Builder, ListBuilder, RecordBatch, StringBuilder,
    TimestampMicrosecondBuilder, new_null_array,
};
use datafusion::arrow::datatypes::{DataType, Field, SchemaRef};
use evidence::column::{Cell, Column, Kind};

use crate::error::LakeError;
use crate::schema::TableName;

/// A batch of rows in the table's schema.
pub(crate) fn build<R>(table: TableName, columns: &[Column<R>], rows: &[R]) -> Result<RecordBatch, LakeError> {
    let arrays = columns.iter().map(|column| array(column, rows)).collect();
    Ok(RecordBatch::try_new(table.arrow(), arrays)?)
}

/// A batch as an older version wrote it, in today's schema: columns that it does not have are null, or zero and empty
/// where a column may not be null.
pub(crate) fn conform(batch: &RecordBatch, schema: &SchemaRef) -> Result<RecordBatch, LakeError> {
    let arrays = schema.fields().iter().map(|field| match batch.column_by_name(field.name()) {
        Some(array) => Ok(datafusion::arrow::compute::cast(array, field.data_type())?),
        None if field.is_nullable() => Ok(new_null_array(field.data_type(), batch.num_rows())),
        None => Ok(empty(field.data_type(), batch.num_rows())?),
    });
    Ok(RecordBatch::try_new(Arc::clone(schema), arrays.collect::<Result<_, LakeError>>()?)?)
}

fn empty(data_type: &DataType, rows: usize) -> Result<ArrayRef, LakeError> {
    let value = datafusion::scalar::ScalarValue::new_default(data_type)?;
    Ok(value.to_array_of_size(rows)?)
}

fn array<R>(column: &Column<R>, rows: &[R]) -> ArrayRef {
    let cells = rows.iter().map(|row| column.cell(row));
    match column.kind {
        Kind::Text => {
            let mut builder = StringBuilder::new();
            cells.for_each(|cell| match cell {
                Cell::Text(text) => builder.append_value(text),
                _ => builder.append_null(),
            });
            Arc::new(builder.finish())
        }
        Kind::Integer => {
            let mut builder = Int64Builder::with_capacity(rows.len());
            cells.for_each(|cell| match cell {
                Cell::Integer(number) => builder.append_value(number),
                _ => builder.append_null(),
            });
            Arc::new(builder.finish())
        }
        Kind::Boolean => {
            let mut builder = BooleanBuilder::with_capacity(rows.len());
            cells.for_each(|cell| match cell {
                Cell::Boolean(truth) => builder.append_value(truth),
                _ => builder.append_null(),
            });
            Arc::new(builder.finish())
        }
        Kind::Instant => {
            let mut builder = TimestampMicrosecondBuilder::with_capacity(rows.len());
            cells.for_each(|cell| match cell {
                Cell::Instant(time) => builder.append_value(time.micros()),
                _ => builder.append_null(),
            });
            Arc::new(builder.finish().with_timezone("UTC"))
        }
        Kind::Bytes => {
            let mut builder = BinaryBuilder::new();
            cells.for_each(|cell| match cell {
                Cell::Bytes(bytes) => builder.append_value(bytes),
                _ => builder.append_null(),
            });
            Arc::new(builder.finish())
        }
        Kind::Texts => {
            let mut builder =
                ListBuilder::new(StringBuilder::new()).with_field(Field::new("element", DataType::Utf8, false));
            cells.for_each(|cell| {
                let texts = if let Cell::Texts(texts) = &cell { Some(texts) } else { None };
                texts.into_iter().flatten().for_each(|text| builder.values().append_value(text));
                builder.append(texts.is_some());
            });
            Arc::new(builder.finish())
        }
        Kind::Integers => {
            let mut builder =
                ListBuilder::new(Int64Builder::new()).with_field(Field::new("element", DataType::Int64, false));
            cells.for_each(|cell| {
                let numbers = if let Cell::Integers(numbers) = &cell { Some(numbers) } else { None };
                builder.values().append_slice(numbers.map_or(&[], Vec::as_slice));
                builder.append(numbers.is_some());
            });
            Arc::new(builder.finish())
        }
    }
}
