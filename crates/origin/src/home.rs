//! In which country an AS is: the one that holds most of its addresses.
//!
//! A registry's country says where a company is registered, which is often not where its machines are; this asks where
//! the addresses are that it originates.

use std::cmp::{Ordering, Reverse};
use std::sync::Arc;

use evidence::Country;

use crate::address::Address;
use crate::segments::{NONE, Piece};
use crate::table::Table;

/// The tables chosen for a family.
#[derive(Clone, Copy)]
pub(crate) struct Pair<'a> {
    pub(crate) routes: Option<&'a Arc<Table>>,
    pub(crate) locations: Option<&'a Arc<Table>>,
}

impl<'a> Pair<'a> {
    pub(crate) fn tables(self) -> impl Iterator<Item = &'a Arc<Table>> {
        self.routes.into_iter().chain(self.locations)
    }

    /// Whether both are the same tables.
    pub(crate) fn is(self, other: Pair<'_>) -> bool {
        let pointers = |pair: Pair<'_>| [pair.routes, pair.locations].map(|table| table.map(Arc::as_ptr));
        pointers(self) == pointers(other)
    }
}

/// The country of an AS, and the tables that say so.
#[derive(Clone, Copy)]
pub(crate) struct Home<'a> {
    pub(crate) country: Country,
    pub(crate) tables: [&'a Arc<Table>; 2],
}

/// The countries of all ASes.
pub(crate) struct Homes<'a> {
    /// By AS number, ascending.
    four: Vec<(u32, Home<'a>)>,
    six: Vec<(u32, Home<'a>)>,
}

impl<'a> Homes<'a> {
    pub(crate) fn new(four: Pair<'a>, six: Pair<'a>) -> Self {
        Self { four: homes::<u32>(four), six: homes::<u128>(six) }
    }

    /// IPv4 decides where it can.
    pub(crate) fn of(&self, asn: u32) -> Option<Home<'a>> {
        [&self.four, &self.six].into_iter().find_map(|homes| {
            let index = homes.binary_search_by_key(&asn, |(asn, _)| *asn).ok()?;
            Some(homes[index].1)
        })
    }
}

/// The country of each AS of which the tables locate any address. Of countries with equal shares, the first code.
fn homes<'a, A: Address>(pair: Pair<'a>) -> Vec<(u32, Home<'a>)> {
    let (Some(routes), Some(locations)) = (pair.routes, pair.locations) else { return Vec::new() };
    let systems = &routes.content.systems;
    let mut shares: Vec<Vec<Share>> = vec![Vec::new(); systems.len()];
    for (route, location) in overlaps::<A>(routes, locations) {
        let Some(system) = routes.system_of(route.value) else { continue };
        if location.value == NONE {
            continue;
        }
        let weight = A::weight(route.first.max(location.first), route.last.min(location.last));
        add(&mut shares[system], location.value, weight);
    }
    let tables = [routes, locations];
    let home = |shares: Vec<Share>| {
        let most = shares.into_iter().max_by_key(|share| (share.weight, Reverse(share.country)))?;
        Some(Home { country: locations.content.countries[most.country as usize], tables })
    };
    systems.iter().zip(shares).filter_map(|(system, shares)| Some((system.asn, home(shares)?))).collect()
}

/// How much of an AS is in a country, by its index in the table of locations.
#[derive(Clone, Copy)]
struct Share {
    country: u32,
    weight: u128,
}

/// Few ASes are in more than a handful of countries, so a list is faster than a map.
fn add(shares: &mut Vec<Share>, country: u32, weight: u128) {
    match shares.iter_mut().find(|share| share.country == country) {
        Some(share) => share.weight = share.weight.saturating_add(weight),
        None => shares.push(Share { country, weight }),
    }
}

/// The pairs of segments that share addresses, in order: one pass over both.
fn overlaps<A: Address>(routes: &Table, locations: &Table) -> impl Iterator<Item = (Piece, Piece)> {
    let mut routes = A::of(&routes.content.cover).pieces();
    let mut locations = A::of(&locations.content.cover).pieces();
    let mut current = routes.next().zip(locations.next());
    std::iter::from_fn(move || {
        let pair = current?;
        let (route, location) = pair;
        // Both lists reach to the last address, so they end together.
        current = match route.last.cmp(&location.last) {
            Ordering::Less => routes.next().map(|route| (route, location)),
            Ordering::Greater => locations.next().map(|location| (route, location)),
            Ordering::Equal => routes.next().zip(locations.next()),
        };
        Some(pair)
    })
}
