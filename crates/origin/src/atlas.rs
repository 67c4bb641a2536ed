//! Several tables, and which of them speaks about an observation.
//!
//! **Which table.** For each question the newest table that is dated not after the observation; if there is none, the
//! oldest one after it. Of one date the name decides.
//!
//! * *Prefix and AS* come from one table that says anything about the address's family: of announcements, where there is
//!   any, else of ranges, whatever their dates. An address that the chosen table does not cover was not announced then:
//!   no other table is asked.
//! * *Location* comes from one table of locations, in the same way.
//! * *Name of an AS*: the tables of names and of ranges are asked in that order of preference until one knows the AS; a
//!   name is worth having even when it is of another year.
//! * *Country of an AS*: where most of its addresses are, by the chosen tables: its IPv4 addresses, or if none of them
//!   has a location the /64s of its IPv6. Only when neither says anything, the registry's country, asked for like the
//!   name. So for one observation time it is a function of the AS, whatever the address.
//!
//! All of that changes only at the dates of tables. So an atlas is a list of epochs, each with its answers prepared, and
//! a lookup is two binary searches. It allocates nothing.

use std::net::IpAddr;
use std::sync::Arc;

use evidence::{Country, Origin, Time};

use crate::address::Address;
use crate::home::{Homes, Pair};
use crate::table::{Kind, Table};

/// Tables of all kinds and dates.
#[derive(Clone, Debug, Default)]
pub struct Atlas {
    tables: Vec<Arc<Table>>,
    /// By date, ascending.
    epochs: Vec<Epoch>,
}

/// What holds from a date on, until the next epoch. The first epoch also holds before its date.
#[derive(Clone, Debug)]
struct Epoch {
    from: Time,
    v4: View,
    v6: View,
}

/// The answers of an epoch for one family.
#[derive(Clone, Debug)]
struct View {
    routes: Option<Arc<Table>>,
    locations: Option<Arc<Table>>,
    /// In the order of the systems of `routes`.
    systems: Arc<[Facts]>,
    /// The label of an address without an AS.
    tables: Arc<str>,
}

/// What is said of an AS.
#[derive(Clone, Debug)]
struct Facts {
    asn: u32,
    name: Option<Arc<str>>,
    country: Option<Country>,
    tables: Arc<str>,
}

impl Atlas {
    /// Prepares the answers, once for each date among the tables: some 60 ms for tables of a million ranges.
    pub fn new<T: Into<Arc<Table>>>(tables: impl IntoIterator<Item = T>) -> Self {
        let tables: Vec<Arc<Table>> = tables.into_iter().map(Into::into).collect();
        let mut dates: Vec<Time> = tables.iter().map(|table| table.date()).collect();
        dates.sort_unstable();
        dates.dedup();
        let epochs = dates.into_iter().map(|from| Epoch::new(&tables, from)).collect();
        Self { tables, epochs }
    }

    /// The tables, as they were given.
    pub fn tables(&self) -> &[Arc<Table>] {
        &self.tables
    }

    /// What was known of an address when it was seen. An IPv4-mapped address is the IPv4 address it is.
    pub fn lookup(&self, address: IpAddr, as_of: Time) -> Origin {
        let after = self.epochs.partition_point(|epoch| epoch.from <= as_of);
        let Some(epoch) = self.epochs.get(after.saturating_sub(1)) else { return Origin::default() };
        match address.to_canonical() {
            IpAddr::V4(four) => epoch.v4.lookup(u32::from(four)),
            IpAddr::V6(six) => epoch.v6.lookup(u128::from(six)),
        }
    }
}

impl View {
    fn lookup<A: Address>(&self, address: A) -> Origin {
        let location = self.locations.as_ref().and_then(|table| table.locate(address));
        let found = self.routes.as_ref().and_then(|table| Some((table.kind(), table.find(address)?)));
        let Some((kind, found)) = found else {
            return Origin { location, tables: Arc::clone(&self.tables), ..Origin::default() };
        };
        let system = &self.systems[found.system];
        Origin {
            prefix: found.prefix,
            announced: kind == Kind::Announcements,
            asn: Some(system.asn),
            as_name: system.name.clone(),
            country: system.country,
            location,
            tables: Arc::clone(&system.tables),
        }
    }
}

impl Epoch {
    fn new(tables: &[Arc<Table>], from: Time) -> Self {
        let choice = Choice::new(tables, from);
        let (four, six) = (choice.of_family::<u32>(), choice.of_family::<u128>());
        let homes = Homes::new(four, six);
        let v4 = choice.view(four, &homes);
        let v6 = if six.is(four) { v4.clone() } else { choice.view(six, &homes) };
        Self { from, v4, v6 }
    }
}

/// The tables in their order of preference for a time.
struct Choice<'a>(Vec<&'a Arc<Table>>);

impl<'a> Choice<'a> {
    fn new(tables: &'a [Arc<Table>], at: Time) -> Self {
        let mut order: Vec<&Arc<Table>> = tables.iter().collect();
        order.sort_by_key(|table| {
            let date = table.date();
            (date > at, date.micros().abs_diff(at.micros()), table.kind(), table.name().to_owned())
        });
        Self(order)
    }

    /// The best tables of routes and of locations for a family.
    fn of_family<A: Address>(&self) -> Pair<'a> {
        let first = |kind: Kind| self.0.iter().copied().find(|table| table.kind() == kind && table.covers::<A>());
        Pair { routes: first(Kind::Announcements).or_else(|| first(Kind::AsRanges)), locations: first(Kind::Locations) }
    }

    fn view(&self, pair: Pair<'a>, homes: &Homes<'a>) -> View {
        let mut labels = Labels::default();
        let systems = pair.routes.map_or(&[][..], |table| &table.content.systems);
        let systems = systems.iter().map(|system| self.facts(system.asn, pair, homes, &mut labels)).collect();
        View {
            routes: pair.routes.cloned(),
            locations: pair.locations.cloned(),
            systems,
            tables: labels.of(pair.tables()),
        }
    }

    fn facts(&self, asn: u32, pair: Pair<'a>, homes: &Homes<'a>, labels: &mut Labels<'a>) -> Facts {
        let named = self.0.iter().find_map(|table| Some((*table, table.as_name(asn)?.name())));
        let home = homes.of(asn);
        let registered = match home {
            Some(_) => None,
            None => self.0.iter().find_map(|table| Some((*table, table.as_name(asn)?.country()?))),
        };
        let used = pair
            .tables()
            .chain(home.into_iter().flat_map(|home| home.tables))
            .chain(registered.map(|(table, _)| table))
            .chain(named.map(|(table, _)| table));
        Facts {
            asn,
            name: named.map(|(_, name)| Arc::clone(name)),
            country: home.map(|home| home.country).or(registered.map(|(_, country)| country)),
            tables: labels.of(used),
        }
    }
}

/// The labels of the tables behind an answer: few combinations for many ASes, each text held once.
#[derive(Default)]
struct Labels<'a>(Vec<(Vec<&'a str>, Arc<str>)>);

impl<'a> Labels<'a> {
    fn of(&mut self, used: impl Iterator<Item = &'a Arc<Table>>) -> Arc<str> {
        let mut labels: Vec<&str> = Vec::new();
        for table in used {
            if !labels.contains(&&**table.label()) {
                labels.push(table.label());
            }
        }
        if let Some((_, text)) = self.0.iter().find(|(known, _)| *known == labels) {
            return Arc::clone(text);
        }
        let text: Arc<str> = labels.join(" ").into();
        self.0.push((labels, Arc::clone(&text)));
        text
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::rows::{AddressRange, Announcement, AsName, Rows};

    fn table(name: &str, date: &str, rows: Rows) -> Table {
        Table::new(name, date.parse().unwrap(), rows).unwrap()
    }

    fn announcements(rows: &[(&str, u32)]) -> Rows {
        Rows::Announcements(rows.iter().map(|(prefix, asn)| Announcement::new(prefix.parse().unwrap(), *asn)).collect())
    }

    fn range<T>(first: &str, last: &str, of: T) -> AddressRange<T> {
        AddressRange::new(first.parse().unwrap(), last.parse().unwrap(), of).unwrap()
    }

    fn locations(rows: &[(&str, &str, &str)]) -> Rows {
        Rows::Locations(rows.iter().map(|(first, last, code)| range(first, last, code.parse().unwrap())).collect())
    }

    fn names(rows: &[(u32, &str)]) -> BTreeMap<u32, AsName> {
        rows.iter().map(|(asn, text)| (*asn, AsName::listed(text).unwrap())).collect()
    }

    fn ask(atlas: &Atlas, address: &str, as_of: &str) -> Origin {
        atlas.lookup(address.parse().unwrap(), as_of.parse().unwrap())
    }

    #[test]
    fn the_newest_table_not_after_the_observation_answers_else_the_oldest_after_it() {
        let atlas = Atlas::new([
            table("rib", "2014-05-13", announcements(&[("192.0.2.0/24", 14)])),
            table("rib", "2008-05-01", announcements(&[("192.0.2.0/24", 8)])),
            table("rib", "2015-11-01", announcements(&[("192.0.2.0/24", 15)])),
        ]);
        for (as_of, asn) in [
            ("2001-01-01", 8),
            ("2008-05-01", 8),
            ("2014-05-12T23:59:59Z", 8),
            ("2014-05-13", 14),
            ("2015-10-31", 14),
            ("2026-01-01", 15),
        ] {
            assert_eq!(ask(&atlas, "192.0.2.1", as_of).asn, Some(asn), "{as_of}");
        }
    }

    #[test]
    fn an_address_that_was_not_announced_has_no_prefix_even_if_another_table_knows_it() {
        let ranges =
            Rows::AsRanges { ranges: vec![range("198.51.100.0", "198.51.100.255", 1)], names: BTreeMap::new() };
        let atlas = Atlas::new([
            table("rib", "2014-05-13", announcements(&[("192.0.2.0/24", 14)])),
            table("asn", "2013-01-01", ranges),
        ]);
        let seen = ask(&atlas, "198.51.100.1", "2014-06-01");
        assert_eq!((seen.prefix, seen.asn, seen.announced), (None, None, false));
        assert_eq!(&*seen.tables, "rib-2014-05-13");
    }

    #[test]
    fn announcements_come_before_ranges_whatever_their_dates() {
        let ranges = Rows::AsRanges { ranges: vec![range("192.0.2.0", "192.0.2.255", 1)], names: names(&[(1, "X")]) };
        let atlas = Atlas::new([
            table("asn", "2026-06-17", ranges),
            table("rib", "2014-05-13", announcements(&[("192.0.2.0/25", 1)])),
        ]);
        for as_of in ["2001-01-01", "2026-11-01"] {
            let seen = ask(&atlas, "192.0.2.1", as_of);
            assert_eq!((seen.prefix, seen.announced), ("192.0.2.0/25".parse().ok(), true), "{as_of}");
            assert_eq!(seen.as_name.as_deref(), Some("X"), "{as_of}");
        }
    }

    #[test]
    fn a_table_without_addresses_of_a_family_does_not_answer_for_it() {
        let atlas = Atlas::new([
            table("rib4", "2014-05-13", announcements(&[("192.0.2.0/24", 4)])),
            table("rib6", "2014-01-01", announcements(&[("2001:db8::/32", 6)])),
        ]);
        let seen = ask(&atlas, "2001:db8::1", "2014-06-01");
        assert_eq!((seen.asn, &*seen.tables), (Some(6), "rib6-2014-01-01"));
    }

    #[test]
    fn a_mapped_address_is_the_ipv4_address_it_is() {
        let atlas = Atlas::new([table("rib", "2014-05-13", announcements(&[("192.0.2.0/24", 4)]))]);
        assert_eq!(ask(&atlas, "::ffff:192.0.2.1", "2014-06-01"), ask(&atlas, "192.0.2.1", "2014-06-01"));
    }

    #[test]
    fn the_country_of_an_as_is_where_most_of_its_addresses_are_whatever_the_address() {
        let atlas = Atlas::new([
            table(
                "rib",
                "2014-05-13",
                announcements(&[("192.0.2.0/24", 1), ("2001:db8::/32", 1), ("2001:db9::/32", 2)]),
            ),
            table(
                "country",
                "2014-05-13",
                locations(&[
                    ("192.0.2.0", "192.0.2.99", "BR"),
                    ("192.0.2.100", "192.0.2.255", "UY"),
                    ("2001:db8::", "2001:db9:0:1:ffff:ffff:ffff:ffff", "AR"),
                    ("2001:db9:0:2::", "2001:db9:0:2:ffff:ffff:ffff:ffff", "CL"),
                ]),
            ),
        ]);
        for (address, country, location) in [
            ("192.0.2.1", "UY", "BR"),
            ("192.0.2.101", "UY", "UY"),
            ("2001:db8::1", "UY", "AR"),
            ("2001:db9:0:2::", "AR", "CL"),
        ] {
            let seen = ask(&atlas, address, "2014-06-01");
            assert_eq!((seen.country, seen.location), (country.parse().ok(), location.parse().ok()), "{address}");
        }
    }

    #[test]
    fn without_a_location_the_country_is_the_registrys_and_the_tables_used_are_named() {
        let atlas = Atlas::new([
            table("rib", "2014-05-13", announcements(&[("192.0.2.0/24", 1), ("198.51.100.0/24", 2)])),
            table("country", "2014-05-13", locations(&[("198.51.100.0", "198.51.100.9", "NL")])),
            table("names", "2017-01-01", Rows::AsNames(names(&[(1, "ONE Example, AT"), (2, "TWO Example, AU")]))),
        ]);
        let one = ask(&atlas, "192.0.2.1", "2014-06-01");
        assert_eq!((one.as_name.as_deref(), one.country, one.location), (Some("ONE Example"), "AT".parse().ok(), None));
        assert_eq!(&*one.tables, "rib-2014-05-13 country-2014-05-13 names-2017-01-01");
        let two = ask(&atlas, "198.51.100.1", "2014-06-01");
        assert_eq!((two.as_name.as_deref(), two.country), (Some("TWO Example"), "NL".parse().ok()));
    }

    #[test]
    fn a_name_comes_from_the_nearest_table_that_knows_the_as() {
        let old = names(&[(1, "OLD, US"), (2, "ONLY OLD, US")]);
        let atlas = Atlas::new([
            table("rib", "2014-05-13", announcements(&[("192.0.2.0/25", 1), ("192.0.2.128/25", 2)])),
            table("names", "2008-01-01", Rows::AsNames(old)),
            table("names", "2013-01-01", Rows::AsNames(names(&[(1, "NEW, US")]))),
        ]);
        assert_eq!(ask(&atlas, "192.0.2.1", "2014-06-01").as_name.as_deref(), Some("NEW"));
        assert_eq!(ask(&atlas, "192.0.2.1", "2010-06-01").as_name.as_deref(), Some("OLD"));
        assert_eq!(ask(&atlas, "192.0.2.200", "2014-06-01").as_name.as_deref(), Some("ONLY OLD"));
    }

    #[test]
    fn an_atlas_without_tables_knows_nothing() {
        assert_eq!(ask(&Atlas::default(), "192.0.2.1", "2014-06-01"), Origin::default());
    }
}
