//! Columns of the table `heartbeats`.

use std::sync::LazyLock;

use super::{Cell, Column, Kind, count, factor_names};
use crate::{Counter, HeartbeatRow, Listening};

/// Columns of the table `heartbeats`: a sensor's signs of life, with all its counters.
pub static HEARTBEATS: LazyLock<Vec<Column<HeartbeatRow>>> = LazyLock::new(|| {
    type Of = Column<HeartbeatRow>;
    use Kind::*;
    let mut columns = vec![
        Of::new("at", Instant, "When the sensor wrote it.", |r| Cell::Instant(r.heartbeat.at)),
        Of::new("heartbeat_id", Text, "Sensor, boot and number; unique.", |r| r.heartbeat.id.to_string().into()),
        Of::new("sensor", Text, "The sensor.", |r| r.heartbeat.id.sensor.as_str().into()),
        Of::new("boot", Integer, "The run of the sensor, as microseconds since 1970.", |r| {
            count(r.heartbeat.id.boot.0)
        }),
        Of::new("started_at", Instant, "When that run started.", |r| Cell::Instant(r.heartbeat.started_at)),
        Of::new("version", Text, "The version of the sensor program.", |r| r.heartbeat.version.as_str().into()),
        Of::new("ports", Texts, "The ports that listen.", |r| {
            Cell::Texts(r.heartbeat.ports.iter().map(u16::to_string).collect())
        }),
        Of::new("open", Integer, "Connections open at that moment.", |r| count(r.heartbeat.open)),
        Of::new("spool_segments", Integer, "Segments not yet acknowledged.", |r| count(r.heartbeat.spool.segments)),
        Of::new("spool_bytes", Integer, "Bytes not yet acknowledged.", |r| count(r.heartbeat.spool.bytes)).unit("B"),
        Of::new("spool_limit", Integer, "The most bytes the spool may take.", |r| count(r.heartbeat.spool.limit))
            .unit("B"),
        Of::new("clock_offset_us", Integer, "Estimated offset of the sensor's clock from UTC.", |r| {
            Cell::Integer(r.heartbeat.clock.offset_us)
        })
        .unit("µs"),
        Of::new(
            "clock_uncertainty_us",
            Integer,
            "Largest error of that clock; null when it is not synchronised.",
            |r| r.heartbeat.clock.uncertainty_us.map_or(Cell::Null, count),
        )
        .unit("µs")
        .nullable(),
        Of::new("last", Boolean, "Whether the sensor stopped in good order after it.", |r| {
            Cell::Boolean(r.heartbeat.last)
        }),
        Of::new(
            "confined",
            Boolean,
            "Whether the kernel confines the sensor and every known way out failed at its start; null from older sensors.",
            |r| r.heartbeat.confined.map_or(Cell::Null, Cell::Boolean),
        )
        .nullable(),
        Of::new(
            "listening",
            Texts,
            "Each listener: its port and its factors, such as `25 relay-only refuse-listed`; null from older sensors.",
            |r| {
                let listening = r.heartbeat.listening.as_ref();
                listening.map_or(Cell::Null, |all| Cell::Texts(all.iter().map(listening_text).collect()))
            },
        )
        .nullable(),
        Of::new("lists_version", Integer, "The table of block lists in use; null for none.", |r| {
            r.heartbeat.lists.map_or(Cell::Null, |lists| count(lists.version))
        })
        .nullable(),
        Of::new("lists_made_at", Instant, "When the collector last said that this table holds.", |r| {
            r.heartbeat.lists.map_or(Cell::Null, |lists| Cell::Instant(lists.made_at))
        })
        .nullable(),
        Of::new("lists_entries", Integer, "Its addresses and prefixes.", |r| {
            r.heartbeat.lists.map_or(Cell::Null, |lists| count(lists.entries))
        })
        .nullable(),
        Of::new("lists_stale", Boolean, "Whether it is too old, so that nobody is refused by it.", |r| {
            r.heartbeat.lists.map_or(Cell::Null, |lists| Cell::Boolean(lists.stale))
        })
        .nullable(),
        Of::new("received_at", Instant, "When the collector had this row.", |r| Cell::Instant(r.received_at)),
    ];
    columns.extend(counter_columns());
    columns
});

/// One column for each counter, in their order.
fn counter_columns() -> impl Iterator<Item = Column<HeartbeatRow>> {
    Counter::ALL.into_iter().map(|counter| {
        Column::new(counter.name(), Kind::Integer, counter.doc(), move |r: &HeartbeatRow| {
            count(r.heartbeat.counters.get(counter))
        })
    })
}

fn listening_text(listening: &Listening) -> String {
    let port = std::iter::once(listening.port.to_string());
    port.chain(factor_names(listening.factors)).collect::<Vec<_>>().join(" ")
}
