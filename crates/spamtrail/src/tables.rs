//! The tables of origins in use: the imported ones, and the embedded ones where nothing was imported.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::SystemTime;

use anyhow::Context;
use origin::{Atlas, Table};

/// The extension of table files.
const EXTENSION: &str = "table";

/// The atlas of a folder, loaded anew when the folder changes.
#[derive(Debug)]
pub(crate) struct Tables {
    folder: PathBuf,
    current: RwLock<Current>,
}

#[derive(Debug)]
struct Current {
    atlas: Arc<Atlas>,
    /// The files it was loaded from.
    seen: Vec<Seen>,
}

/// A file as it was seen: changed when any of this has.
type Seen = (PathBuf, u64, Option<SystemTime>);

impl Tables {
    /// Loads the tables of a folder. A file that cannot be read is an error that names it.
    pub(crate) fn open(folder: &Path) -> anyhow::Result<Self> {
        let seen = look(folder)?;
        let atlas = Arc::new(load(&seen)?);
        Ok(Self { folder: folder.to_owned(), current: RwLock::new(Current { atlas, seen }) })
    }

    pub(crate) fn atlas(&self) -> Arc<Atlas> {
        Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner).atlas)
    }

    /// Loads the tables again if the folder has changed. While they cannot be read the former ones stay in use.
    pub(crate) fn refresh(&self) -> anyhow::Result<bool> {
        let seen = look(&self.folder)?;
        if self.current.read().unwrap_or_else(PoisonError::into_inner).seen == seen {
            return Ok(false);
        }
        let loaded = load(&seen);
        let mut current = self.current.write().unwrap_or_else(PoisonError::into_inner);
        // Also after an error: it is told once, not at every look.
        current.seen = seen;
        current.atlas = Arc::new(loaded?);
        Ok(true)
    }
}

/// Puts tables into a folder, all or none: a reader sees each whole or not at all.
pub(crate) fn install(folder: &Path, tables: &[Table]) -> anyhow::Result<Vec<PathBuf>> {
    fs::create_dir_all(folder).with_context(|| folder.display().to_string())?;
    let mut written = Vec::new();
    for table in tables {
        let path = folder.join(format!("{}.{EXTENSION}", table.label()));
        let new = path.with_extension("new");
        let bytes = table.encode().with_context(|| table.label().to_string())?;
        let done = File::create(&new).and_then(|mut file| {
            file.write_all(&bytes)?;
            file.sync_all()
        });
        done.with_context(|| new.display().to_string())?;
        written.push((new, path));
    }
    for (new, path) in &written {
        fs::rename(new, path).with_context(|| path.display().to_string())?;
    }
    File::open(folder).and_then(|folder| folder.sync_all()).with_context(|| folder.display().to_string())?;
    Ok(written.into_iter().map(|(_, path)| path).collect())
}

/// The imported tables of a folder, with their files.
pub(crate) fn imported(folder: &Path) -> anyhow::Result<Vec<(PathBuf, Table)>> {
    look(folder)?.into_iter().map(|(path, ..)| Ok((path.clone(), decode(&path)?))).collect()
}

fn look(folder: &Path) -> anyhow::Result<Vec<Seen>> {
    let mut seen = Vec::new();
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(seen),
        Err(error) => return Err(error).with_context(|| folder.display().to_string()),
    };
    for entry in entries {
        let path = entry.with_context(|| folder.display().to_string())?.path();
        if path.extension().is_some_and(|extension| extension == EXTENSION) {
            let metadata = fs::metadata(&path).with_context(|| path.display().to_string())?;
            seen.push((path, metadata.len(), metadata.modified().ok()));
        }
    }
    seen.sort();
    Ok(seen)
}

fn load(seen: &[Seen]) -> anyhow::Result<Atlas> {
    let mut tables = seen.iter().map(|(path, ..)| decode(path)).collect::<anyhow::Result<Vec<_>>>()?;
    let has = |tables: &[Table], kind| tables.iter().any(|table| table.kind() == kind);
    // Imported tables take the place of the embedded ones of their kind. Ranges stay beside announcements, for the names
    // of ASes; an atlas asks announcements first.
    for table in origin::embedded() {
        if !has(&tables, table.kind()) {
            tables.push(table);
        }
    }
    Ok(Atlas::new(tables))
}

fn decode(path: &Path) -> anyhow::Result<Table> {
    let bytes = fs::read(path).with_context(|| path.display().to_string())?;
    Table::decode(&bytes).with_context(|| format!("{} is no table of origins", path.display()))
}
