//! Columns that sessions and messages share.

use super::Kind::{Bytes, Instant, Integer, Text, Texts};
use super::origin::origin_columns;
use super::{Cell, Column, count, factor_names};
use crate::row::OfConnection;

/// What sessions and messages share: the facts of their connection and the origin of its source.
pub(super) fn connection_columns<R: OfConnection>() -> Vec<Column<R>> {
    let mut columns = vec![
        Column::<R>::new("accepted_at", Instant, "When the connection was accepted.", |r| {
            Cell::Instant(r.connection().accepted_at)
        }),
        Column::<R>::new(
            "session_id",
            Text,
            "Sensor, boot and number of the connection; unique for each connection.",
            |r| r.connection().id.to_string().into(),
        ),
        Column::<R>::new("sensor", Text, "The sensor.", |r| r.connection().id.sensor.as_str().into()),
        Column::<R>::new("boot", Integer, "The run of the sensor, as microseconds since 1970.", |r| {
            count(r.connection().id.boot.0)
        }),
        Column::<R>::new("number", Integer, "Number of the connection in its boot, from 1.", |r| {
            count(r.connection().id.number)
        }),
        Column::<R>::new("source_ip", Text, "The address that abused the sensor.", |r| {
            r.connection().source.ip().to_string().into()
        }),
        Column::<R>::new("source_port", Integer, "Its port.", |r| count(r.connection().source.port().into())),
        Column::<R>::new("local_ip", Text, "The sensor's address as the client addressed it.", |r| {
            r.connection().local.ip().to_string().into()
        })
        .sensor(),
        Column::<R>::new("port", Integer, "The sensor's port.", |r| count(r.connection().local.port().into())),
        Column::<R>::new(
            "balancer",
            Text,
            "The load balancer that presented the source address; null for none.",
            |r| r.connection().balancer.map_or(Cell::Null, |ip| ip.to_string().into()),
        )
        .nullable()
        .sensor(),
    ];
    columns.extend(origin_columns());
    columns.extend([
        Column::<R>::new(
            "os",
            Text,
            "The operating system, by the SYN; `unknown` for none of the signatures, `unknown (cookie)` where the \
             kernel kept no SYN, null where the sensor had none to ask for.",
            |r| r.system().label.as_deref().map_or(Cell::Null, Cell::from),
        )
        .nullable(),
        Column::<R>::new("syn", Text, "The SYN as a signature in the syntax of p0f; null without one.", |r| {
            r.system().signature.as_deref().map_or(Cell::Null, Cell::from)
        })
        .nullable(),
        Column::<R>::new(
            "syn_packet",
            Bytes,
            "The SYN itself, from its IP header to the end of its TCP header; empty where the kernel kept none.",
            |r| r.connection().syn.as_ref().map_or(Cell::Null, |syn| Cell::Bytes(syn.as_slice().into())),
        )
        .nullable()
        .sensor(),
        Column::<R>::new("clock_offset_us", Integer, "Estimated offset of the sensor's clock from UTC.", |r| {
            Cell::Integer(r.connection().clock.offset_us)
        })
        .unit("µs"),
        Column::<R>::new(
            "clock_uncertainty_us",
            Integer,
            "Largest error of that clock; null when it is not synchronised.",
            |r| r.connection().clock.uncertainty_us.map_or(Cell::Null, count),
        )
        .unit("µs")
        .nullable(),
        Column::<R>::new(
            "factors",
            Texts,
            "What was set for the listener, of `relay-only`, `refuse-listed`, `limit-connections` and `release-tests`.",
            |r| Cell::Texts(factor_names(r.connection().factors).collect()),
        ),
        Column::<R>::new(
            "listed",
            Texts,
            "The block lists that had the source, as far as the collector knew when the row came; empty for none, null \
             where not every list was known and none that was had it.",
            |r| r.listed().map_or(Cell::Null, |lists| Cell::Texts(lists.to_vec())),
        )
        .nullable(),
    ]);
    columns
}
