//! The tables of a lake, and their schemas as the column registry gives them.

use std::sync::Arc;

use datafusion::arrow::datatypes::{DataType, Field, Schema, SchemaRef, TimeUnit};
use deltalake_core::kernel::{ArrayType, DataType as DeltaType, PrimitiveType, StructField};
use evidence::column::{
    COMPLAINTS, CONTENTS, CUSTOMERS, Column, FINDINGS, HEARTBEATS, Kind, MESSAGES, SESSIONS, TRAFFIC_ASES,
    TRAFFIC_COVERAGE, TRAFFIC_HOSTS, TRAFFIC_VERDICTS,
};

/// A table of the lake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum TableName {
    Sessions,
    Messages,
    Contents,
    Heartbeats,
    Customers,
    Findings,
    Complaints,
    TrafficHosts,
    TrafficAses,
    TrafficVerdicts,
    TrafficCoverage,
}

impl TableName {
    /// What decoys saw, in the order in which it is written: a content before the message that names it.
    pub(crate) const DECOYS: [Self; 4] = [Self::Contents, Self::Messages, Self::Sessions, Self::Heartbeats];

    /// What a provider's own mail servers told, in the order in which it is written.
    pub(crate) const MAIL: [Self; 3] = [Self::Customers, Self::Findings, Self::Complaints];

    /// What samples told, in the order in which it is written.
    pub(crate) const TRAFFIC: [Self; 4] =
        [Self::TrafficHosts, Self::TrafficAses, Self::TrafficVerdicts, Self::TrafficCoverage];

    pub(crate) fn all() -> impl Iterator<Item = Self> {
        Self::DECOYS.into_iter().chain(Self::MAIL).chain(Self::TRAFFIC)
    }

    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Sessions => "sessions",
            Self::Messages => "messages",
            Self::Contents => "contents",
            Self::Heartbeats => "heartbeats",
            Self::Customers => "customers",
            Self::Findings => "findings",
            Self::Complaints => "complaints",
            Self::TrafficHosts => "traffic_hosts",
            Self::TrafficAses => "traffic_ases",
            Self::TrafficVerdicts => "traffic_verdicts",
            Self::TrafficCoverage => "traffic_coverage",
        }
    }

    /// The column by whose quarter of an hour rows are put into files.
    pub(crate) const fn time_column(self) -> &'static str {
        match self {
            Self::Sessions | Self::Messages => "accepted_at",
            Self::Contents => "first_seen",
            Self::Heartbeats | Self::Customers | Self::TrafficHosts | Self::TrafficAses | Self::TrafficCoverage => "at",
            Self::Findings | Self::TrafficVerdicts => "told_at",
            Self::Complaints => "received_at",
        }
    }

    fn columns(self) -> Vec<(&'static str, Kind, bool, &'static str)> {
        match self {
            Self::Sessions => describe(&SESSIONS),
            Self::Messages => describe(&MESSAGES),
            Self::Contents => describe(&CONTENTS),
            Self::Heartbeats => describe(&HEARTBEATS),
            Self::Customers => describe(&CUSTOMERS),
            Self::Findings => describe(&FINDINGS),
            Self::Complaints => describe(&COMPLAINTS),
            Self::TrafficHosts => describe(&TRAFFIC_HOSTS),
            Self::TrafficAses => describe(&TRAFFIC_ASES),
            Self::TrafficVerdicts => describe(&TRAFFIC_VERDICTS),
            Self::TrafficCoverage => describe(&TRAFFIC_COVERAGE),
        }
    }

    /// The schema of files and commits.
    pub(crate) fn arrow(self) -> SchemaRef {
        let field = |(name, kind, nullable, _)| Field::new(name, arrow_type(kind), nullable);
        Arc::new(Schema::new(self.columns().into_iter().map(field).collect::<Vec<_>>()))
    }

    /// The same schema as queries see it: texts are views, which group and compare faster.
    pub(crate) fn query(self) -> SchemaRef {
        let field = |(name, kind, nullable, _)| {
            let data_type = match kind {
                Kind::Text => DataType::Utf8View,
                Kind::Bytes => DataType::BinaryView,
                other => arrow_type(other),
            };
            Field::new(name, data_type, nullable)
        };
        Arc::new(Schema::new(self.columns().into_iter().map(field).collect::<Vec<_>>()))
    }

    /// The schema of the commit log, with each column's sentence as its comment.
    pub(crate) fn delta(self) -> Vec<StructField> {
        let field = |(name, kind, nullable, doc): (&'static str, _, _, &'static str)| {
            StructField::new(name, delta_type(kind), nullable).with_metadata([("comment", doc)])
        };
        self.columns().into_iter().map(field).collect()
    }
}

fn describe<R>(columns: &[Column<R>]) -> Vec<(&'static str, Kind, bool, &'static str)> {
    columns.iter().map(|column| (column.name, column.kind, column.nullable, column.doc)).collect()
}

fn arrow_type(kind: Kind) -> DataType {
    // Parquet and Delta call a list's items `element`.
    let list = |item| DataType::List(Arc::new(Field::new("element", item, false)));
    match kind {
        Kind::Text => DataType::Utf8,
        Kind::Integer => DataType::Int64,
        Kind::Boolean => DataType::Boolean,
        Kind::Instant => DataType::Timestamp(TimeUnit::Microsecond, Some("UTC".into())),
        Kind::Bytes => DataType::Binary,
        Kind::Texts => list(DataType::Utf8),
        Kind::Integers => list(DataType::Int64),
    }
}

fn delta_type(kind: Kind) -> DeltaType {
    let primitive = DeltaType::Primitive;
    let list = |item| DeltaType::Array(Box::new(ArrayType::new(item, false)));
    match kind {
        Kind::Text => primitive(PrimitiveType::String),
        Kind::Integer => primitive(PrimitiveType::Long),
        Kind::Boolean => primitive(PrimitiveType::Boolean),
        Kind::Instant => primitive(PrimitiveType::Timestamp),
        Kind::Bytes => primitive(PrimitiveType::Binary),
        Kind::Texts => list(primitive(PrimitiveType::String)),
        Kind::Integers => list(primitive(PrimitiveType::Long)),
    }
}
