//! Gaps, restarts, drops and rates, by numbers that are known.

mod made;

use std::net::IpAddr;

use evidence::Time;
use made::{FLOW, Flow, Head, V5, mail, raw};
use proptest::prelude::*;
use sflow::{Coverage, Decoder, MAX_AGENTS, Ports, SourceId};

const EXPORTER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 9));
const SECOND: i64 = 1_000_000;

/// A switch with one interface, which samples one packet of `rate` and sends each sample alone.
struct Switch {
    decoder: Decoder,
    head: Head,
    flow: Flow,
    at: i64,
}

impl Switch {
    fn new(rate: u32) -> Self {
        let flow = Flow { rate, pool: 0, sequence: 0, ..FLOW };
        Self { decoder: Decoder::new(Ports::MAIL), head: Head { sequence: 0, ..V5 }, flow, at: 0 }
    }

    /// The next sample, `packets` of the pool after the one before; is it received? Gives the scale it was told with.
    fn sample(&mut self, packets: u32, is_received: bool) -> u32 {
        self.head.sequence = self.head.sequence.wrapping_add(1);
        self.head.uptime = self.head.uptime.wrapping_add(100);
        self.flow.sequence = self.flow.sequence.wrapping_add(1);
        self.flow.pool = self.flow.pool.wrapping_add(packets);
        self.at += SECOND / 10;
        if is_received { self.receive() } else { 0 }
    }

    fn receive(&mut self) -> u32 {
        let mut datagram = self.head.datagram(&[self.flow.sample(&[raw(1, &mail(40_112, 2))])]);
        let mut scale = 0;
        self.decoder.read(Time::from_micros(self.at), EXPORTER, &mut datagram, |seen| scale = seen.scale);
        scale
    }

    fn coverage(&self) -> Coverage {
        self.decoder.coverage()
    }

    fn effective(&self) -> Option<f64> {
        self.decoder.scale(SourceId(0)).and_then(|scale| scale.effective)
    }
}

#[test]
fn lost_datagrams_are_missing_and_the_measured_rate_makes_up_for_them() {
    let mut switch = Switch::new(1000);
    let scales: Vec<u32> =
        (0..4000).map(|number| switch.sample(1000, number % 4 != 3)).filter(|scale| *scale > 0).collect();
    let coverage = switch.coverage();
    // The last one is missing, which nobody can know.
    assert_eq!((coverage.datagrams_lost, coverage.samples_lost, coverage.samples), (999, 999, 3000));
    assert_eq!(scales[0], 1000, "before anything was measured, the word holds");
    assert_eq!(*scales.last().unwrap(), 1333);
    let effective = switch.effective().unwrap();
    assert!((effective - 4000.0 / 3.0).abs() < 1.0, "{effective}");
}

#[test]
fn a_pool_that_stands_still_or_is_absurd_is_not_believed() {
    for packets in [0, 499, 64_001] {
        let mut switch = Switch::new(1000);
        let scales: Vec<u32> = (0..2000).map(|_| switch.sample(packets, true)).collect();
        assert!(scales.iter().all(|scale| *scale == 1000));
        assert_eq!(switch.effective(), None, "{packets}");
        assert_eq!(switch.decoder.sources()[0].believed, 0);
        assert!(switch.decoder.sources()[0].disbelieved > 0);
    }
}

#[test]
fn a_pool_that_is_updated_now_and_then_is_measured_over_a_span() {
    let mut switch = Switch::new(1000);
    (0..4000).for_each(|number| _ = switch.sample(if number % 50 == 0 { 75_000 } else { 0 }, true));
    let effective = switch.effective().unwrap();
    assert!((effective - 1500.0).abs() < 30.0, "{effective}");
}

#[test]
fn numbers_and_pool_may_wrap() {
    let mut switch = Switch::new(4_000_000);
    (switch.head.sequence, switch.flow.sequence, switch.head.uptime) = (u32::MAX - 50, u32::MAX - 60, u32::MAX - 100);
    (0..3000).for_each(|_| _ = switch.sample(5_000_000, true));
    let coverage = switch.coverage();
    assert_eq!((coverage.datagrams_lost, coverage.samples_lost, coverage.restarts), (0, 0, 0));
    assert_eq!(switch.effective(), Some(5_000_000.0));
}

#[test]
fn an_exporter_that_does_not_count_has_no_gaps_and_no_measured_rate() {
    let mut switch = Switch::new(2000);
    for _ in 0..2000 {
        switch.at += SECOND;
        assert_eq!(switch.receive(), 2000);
    }
    let coverage = switch.coverage();
    assert_eq!((coverage.datagrams_lost, coverage.samples_lost, coverage.restarts), (0, 0, 0));
    assert_eq!(switch.effective(), None);
}

#[test]
fn late_datagrams_are_not_missing() {
    let mut switch = Switch::new(1000);
    (0..200).for_each(|_| _ = switch.sample(1000, true));
    let (early, flow) = (switch.head, switch.flow);
    (0..5).for_each(|_| _ = switch.sample(1000, false));
    _ = switch.sample(1000, true);
    assert_eq!(switch.coverage().datagrams_lost, 5);
    let (newest, newest_flow) = (switch.head, switch.flow);
    for late in 1..=5 {
        switch.head = Head { sequence: early.sequence + late, uptime: early.uptime + 100 * late, ..early };
        switch.flow = Flow { sequence: flow.sequence + late, pool: flow.pool + 1000 * late, ..flow };
        switch.receive();
    }
    (switch.head, switch.flow) = (newest, newest_flow);
    _ = switch.sample(1000, true);
    let coverage = switch.coverage();
    assert_eq!(
        (coverage.datagrams_lost, coverage.datagrams_late, coverage.samples_lost, coverage.samples_late),
        (0, 5, 0, 5)
    );
    assert_eq!((coverage.restarts, coverage.time_back), (0, 0));
    assert_eq!(switch.effective(), Some(1000.0));
}

#[test]
fn a_restart_loses_nothing_and_begins_to_measure_anew() {
    // By its uptime, although numbers go up; and by numbers that are far back.
    for (sequence, uptime) in [(5000, 0), (0, 30_000)] {
        let mut switch = Switch::new(1000);
        (0..1000).for_each(|_| _ = switch.sample(1000, true));
        (switch.head.sequence, switch.head.uptime) = (sequence, uptime);
        (switch.flow.sequence, switch.flow.pool) = (sequence, 77);
        (0..1000).for_each(|_| _ = switch.sample(2000, true));
        let coverage = switch.coverage();
        assert_eq!((coverage.datagrams_lost, coverage.samples_lost, coverage.restarts), (0, 0, 2), "agent and source");
        assert_eq!(switch.decoder.agents()[0].restarts, 1);
    }
}

#[test]
fn a_rate_that_changes_is_measured_anew() {
    let mut switch = Switch::new(1000);
    (0..1000).for_each(|_| _ = switch.sample(1000, true));
    switch.flow.rate = 4000;
    assert_eq!(switch.sample(4400, true), 4000);
    let last = (0..1000).map(|_| switch.sample(4400, true)).last();
    assert_eq!((last, switch.coverage().rate_changes), (Some(4400), 1));
}

#[test]
fn samples_further_apart_than_a_turn_of_the_pool_measure_nothing() {
    let mut switch = Switch::new(1000);
    for _ in 0..500 {
        switch.at += 2 * 60 * SECOND;
        switch.sample(1000, true);
    }
    assert_eq!(switch.effective(), None);
}

#[test]
fn drops_are_told_and_a_counter_that_goes_back_is_not_a_drop() {
    let mut switch = Switch::new(1000);
    for drops in [14_000_000, 14_000_010, 14_000_010, 3, 8] {
        switch.flow.drops = drops;
        switch.sample(1000, true);
    }
    assert_eq!(switch.coverage().drops, 15);
}

#[test]
fn agents_and_sources_beyond_the_tables_are_told_and_counted() {
    let mut decoder = Decoder::new(Ports::MAIL);
    let mut told = 0;
    for number in 0..MAX_AGENTS as u32 + 9 {
        let mut datagram = V5.datagram(&[FLOW.sample(&[raw(1, &mail(40_112, 2))])]);
        datagram[12..16].copy_from_slice(&number.to_be_bytes());
        decoder.read(Time::default(), EXPORTER, &mut datagram, |_| told += 1);
    }
    let coverage = decoder.coverage();
    assert_eq!((told, coverage.agents), (MAX_AGENTS + 9, MAX_AGENTS as u64));
    assert_eq!((coverage.datagrams_untracked, coverage.samples_untracked), (9, 9));
    assert_eq!(coverage.samples, told as u64);
}

#[test]
fn coverages_of_several_decoders_add_up() {
    let (mut one, mut other) = (Switch::new(1000), Switch::new(1000));
    (0..100).for_each(|number| _ = one.sample(1000, number % 2 == 0));
    (0..100).for_each(|number| _ = other.sample(1000, number % 5 == 0));
    let mut sum = one.coverage();
    sum += &other.coverage();
    assert_eq!((sum.agents, sum.samples, sum.samples_lost), (2, 70, 49 + 76));
    assert_eq!(sum.counts.told, 70);
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_is_received_and_missing_is_what_was_sent(received in prop::collection::vec(any::<bool>(), 1..400), start in any::<u32>()) {
        let mut switch = Switch::new(1000);
        (switch.head.sequence, switch.flow.sequence) = (start, start.wrapping_mul(7));
        received.iter().for_each(|is_received| _ = switch.sample(1000, *is_received));
        let (Some(first), Some(last)) = (received.iter().position(|is| *is), received.iter().rposition(|is| *is)) else {
            return Ok(());
        };
        let coverage = switch.coverage();
        prop_assert_eq!(coverage.samples + coverage.samples_lost, (last - first + 1) as u64);
        prop_assert_eq!(coverage.datagrams + coverage.datagrams_lost, (last - first + 1) as u64);
    }
}
