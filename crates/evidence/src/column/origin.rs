//! Columns that tell where an address was, as of the observation.

use super::Kind::{Boolean, Integer, Text};
use super::{Cell, Column, count};
use crate::row::OfOrigin;

/// The origin of the address that a row is about.
pub(super) fn origin_columns<R: OfOrigin>() -> Vec<Column<R>> {
    vec![
        Column::<R>::new("prefix", Text, "The announced prefix that covers the source; see `announced`.", |r| {
            r.origin().prefix.map_or(Cell::Null, |prefix| prefix.to_string().into())
        })
        .nullable(),
        Column::<R>::new(
            "announced",
            Boolean,
            "Whether `prefix` was announced, rather than a range of a location table.",
            |r| Cell::Boolean(r.origin().announced),
        ),
        Column::<R>::new("asn", Integer, "The AS that announces it.", |r| {
            r.origin().asn.map_or(Cell::Null, |asn| count(asn.into()))
        })
        .nullable(),
        Column::<R>::new("as_name", Text, "The name of that AS.", |r| {
            r.origin().as_name.as_deref().map_or(Cell::Null, Cell::from)
        })
        .nullable(),
        Column::<R>::new(
            "country",
            Text,
            "The country of that AS (ISO 3166-1), as the tables by country count it.",
            |r| r.origin().country.map_or(Cell::Null, |country| country.to_string().into()),
        )
        .nullable(),
        Column::<R>::new("location", Text, "The estimated country of the address itself.", |r| {
            r.origin().location.map_or(Cell::Null, |country| country.to_string().into())
        })
        .nullable(),
        Column::<R>::new(
            "origin_tables",
            Text,
            "The tables that gave prefix, AS and country, with their dates.",
            |r| Cell::from(&*r.origin().tables),
        ),
    ]
}
