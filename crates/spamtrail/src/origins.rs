//! The command `origin`: import, list, look up, remove.

use std::fs::{self, File};
use std::io::Write;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use evidence::Time;
use origin::{Atlas, Table, load};
use serde_json::json;

use crate::Outcome;
use crate::arguments::{Origin, OriginCommand};
use crate::data::Data;
use crate::output::{stdout, write_line};
use crate::tables::{Tables, imported, install};

pub(crate) fn origin(arguments: Origin) -> anyhow::Result<Outcome> {
    match arguments.command {
        OriginCommand::Import { files, date, allow_partial, data } => {
            let date = date.map(|date| Time::parse(&date, sensor::now())).transpose().context("--date")?;
            import(&files, date, allow_partial, &Data(data.data))
        }
        OriginCommand::List { json, data } => list(json, &Data(data.data)),
        OriginCommand::Lookup { addresses, at, json, data } => {
            let at = Time::parse(&at, sensor::now()).context("--at")?;
            look_up(&addresses, at, json, &Data(data.data))
        }
        OriginCommand::Remove { table, data } => remove(&table, &Data(data.data)),
    }
}

fn import(files: &[PathBuf], date: Option<Time>, allow_partial: bool, data: &Data) -> anyhow::Result<Outcome> {
    let mut tables = Vec::new();
    for path in files {
        let loaded = read(path, date).with_context(|| format!("{}; nothing was imported", path.display()))?;
        if let Some(at) = loaded.notes.truncated_at {
            ensure!(
                allow_partial,
                "{} is cut off at byte {at}, after {} rows; nothing was imported (--allow-partial takes it as it is)",
                path.display(),
                loaded.notes.rows
            );
        }
        eprintln!("{}: {} as {}: {}", path.display(), loaded.format, loaded.table.label(), loaded.notes);
        tables.push(loaded.table);
    }
    for path in install(&data.origin(), &tables)? {
        eprintln!("in use: {}", path.display());
    }
    Ok(Outcome::Done)
}

fn read(path: &Path, date: Option<Time>) -> anyhow::Result<load::Loaded> {
    let file = File::open(path)?;
    let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    Ok(load::read(file, &name, date)?)
}

fn list(as_json: bool, data: &Data) -> anyhow::Result<Outcome> {
    let from_files = imported(&data.origin())?;
    let atlas = Tables::open(&data.origin())?.atlas();
    let is_imported = |table: &Table| from_files.iter().any(|(_, other)| other.label() == table.label());
    let mut out = stdout();
    if !as_json {
        write_line(&mut out, &["table", "kind", "date", "rows", "from"].map(String::from))?;
    }
    for table in atlas.tables() {
        let from = if is_imported(table) { "imported" } else { "embedded" };
        if as_json {
            let line = json!({
                "type": "table", "table": &**table.label(), "kind": table.kind().name(),
                "date": table.date().to_string(), "rows": table.rows(), "from": from,
            });
            writeln!(out, "{line}")?;
        } else {
            let date = table.date().to_string();
            let cells =
                [table.label().to_string(), table.kind().name().into(), date, table.rows().to_string(), from.into()];
            write_line(&mut out, &cells)?;
        }
    }
    out.flush()?;
    Ok(Outcome::Done)
}

fn look_up(addresses: &[IpAddr], at: Time, as_json: bool, data: &Data) -> anyhow::Result<Outcome> {
    let atlas: std::sync::Arc<Atlas> = Tables::open(&data.origin())?.atlas();
    let mut out = stdout();
    let mut found = false;
    if !as_json {
        let head = ["address", "prefix", "announced", "AS", "name", "country of AS", "location", "tables"];
        write_line(&mut out, &head.map(String::from))?;
    }
    for address in addresses {
        let origin = atlas.lookup(*address, at);
        found |= origin.prefix.is_some() || origin.location.is_some();
        let text = |value: Option<String>| value.unwrap_or_else(|| "-".to_owned());
        let prefix = origin.prefix.map(|prefix| prefix.to_string());
        let (country, location) = (origin.country.map(|c| c.to_string()), origin.location.map(|c| c.to_string()));
        if as_json {
            let line = json!({
                "type": "origin", "address": address.to_string(), "prefix": prefix, "announced": origin.announced,
                "asn": origin.asn, "as_name": origin.as_name.as_deref(), "country": country, "location": location,
                "tables": &*origin.tables,
            });
            writeln!(out, "{line}")?;
        } else {
            let cells = [
                address.to_string(),
                text(prefix),
                if origin.announced { "yes" } else { "no" }.to_owned(),
                text(origin.asn.map(|asn| asn.to_string())),
                text(origin.as_name.as_deref().map(str::to_owned)),
                text(country),
                text(location),
                origin.tables.to_string(),
            ];
            write_line(&mut out, &cells)?;
        }
    }
    out.flush()?;
    Ok(if found { Outcome::Done } else { Outcome::NothingFound })
}

fn remove(label: &str, data: &Data) -> anyhow::Result<Outcome> {
    for (path, table) in imported(&data.origin())? {
        if &**table.label() == label {
            fs::remove_file(&path).with_context(|| path.display().to_string())?;
            eprintln!("no longer in use: {label}");
            return Ok(Outcome::Done);
        }
    }
    bail!("no imported table is called {label}; `spamtrail origin list` tells their names")
}
