//! The summary as its answers come together: a row for each sensor, and all.

use std::collections::{BTreeMap, BTreeSet};

use evidence::{SensorName, Time};

use crate::StatisticsError;
use crate::page::{SensorRow, SensorState, Summary};
use crate::reading::Reading;

pub(crate) struct Summing {
    rows: BTreeMap<SensorName, SensorRow>,
    all: SensorRow,
}

impl Summing {
    /// The sensors that were heard of, each with its last sign of life; `only` one of them where that is asked.
    pub(crate) fn of(heard: BTreeMap<SensorName, (SensorState, Option<Time>)>, only: Option<&str>) -> Self {
        let here = heard.into_iter().filter(|(sensor, _)| only.is_none_or(|only| only == sensor.as_str()));
        let row = |(sensor, (state, last)): (SensorName, _)| {
            (sensor.clone(), SensorRow { last, ..SensorRow::new(Some(sensor), state) })
        };
        let rows: BTreeMap<_, _> = here.map(row).collect();
        let mut all = SensorRow::new(None, SensorState::Up);
        all.last = rows.values().filter(|row| row.state == SensorState::Up).filter_map(|row| row.last).min();
        Self { rows, all }
    }

    pub(crate) fn add_sums(&mut self, sums: &Reading) -> Result<(), StatisticsError> {
        for line in sums.lines() {
            let counts = line.counts()?;
            self.row(line.sensor()?).counts = counts;
            self.all.counts = self.all.counts.plus(counts);
        }
        Ok(())
    }

    pub(crate) fn add_ports(&mut self, ports: &Reading) -> Result<(), StatisticsError> {
        let mut all = BTreeSet::new();
        for line in ports.lines() {
            let port = u16::try_from(line.integer("port")?).unwrap_or(0);
            self.row(line.sensor()?).ports.push(port);
            all.insert(port);
        }
        self.all.ports = all.into_iter().collect();
        Ok(())
    }

    pub(crate) fn add_entities(&mut self, entities: &Reading) -> Result<(), StatisticsError> {
        for line in entities.lines() {
            let row = match line.text("sensor")? {
                Some(_) => self.row(line.sensor()?),
                None => &mut self.all,
            };
            let number = line.integer("entities")?;
            match line.text("entity")?.as_deref() {
                Some("ccs") => row.ccs = number,
                Some("asns") => row.asns = number,
                Some("cidrs") => row.cidrs = number,
                _ => row.ips = number,
            }
        }
        Ok(())
    }

    pub(crate) fn add_probes(&mut self, probes: &Reading) -> Result<(), StatisticsError> {
        for line in probes.lines() {
            let (connections, addresses) = (line.integer("connections")?, line.integer("addresses")?);
            let row = self.row(line.sensor()?);
            (row.probes, row.probe_ips) = (connections, addresses);
            self.all.probes += connections;
            self.all.probe_ips += addresses;
        }
        Ok(())
    }

    pub(crate) fn add_tests(&mut self, tests: &Reading) -> Result<(), StatisticsError> {
        for line in tests.lines() {
            let tests = line.integer("emails")?;
            self.row(line.sensor()?).tests = tests;
            self.all.tests += tests;
        }
        Ok(())
    }

    pub(crate) fn finish(self, names: Vec<SensorName>) -> Summary {
        let reporting = self.rows.values().filter(|row| row.state == SensorState::Up).count();
        Summary { known: self.rows.len(), sensors: self.rows.into_values().collect(), all: self.all, reporting, names }
    }

    fn row(&mut self, sensor: SensorName) -> &mut SensorRow {
        self.rows.entry(sensor.clone()).or_insert_with(|| SensorRow::new(Some(sensor), SensorState::Up))
    }
}
