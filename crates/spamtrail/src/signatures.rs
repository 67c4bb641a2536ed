//! The signature files that an operator adds to those of the program.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::{fs, io};

use anyhow::Context;
use fingerprint::Catalogue;

/// The signatures of the program and those of a folder: files named `*.fp` in the syntax of p0f, and `*.os` in that of
/// pf.os, in the order of their names. A file that is wrong stops the start.
pub(crate) fn catalogue(folder: &Path) -> anyhow::Result<Catalogue> {
    let mut catalogue = Catalogue::embedded();
    for path in files(folder).with_context(|| format!("{} cannot be read", folder.display()))? {
        let read = || fs::read_to_string(&path).with_context(|| format!("{} cannot be read", path.display()));
        let added = match path.extension().and_then(OsStr::to_str) {
            Some("fp") => catalogue.add_p0f(&read()?),
            Some("os") => catalogue.add_pf(&read()?),
            _ => continue,
        };
        let signatures = added.with_context(|| format!("{} is wrong", path.display()))?;
        tracing::info!(file = %path.display(), signatures, "signatures of operating systems are added");
    }
    Ok(catalogue)
}

/// The files of a folder by name; none where it is not there.
fn files(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<_>>>()?;
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_added_by_their_syntax_and_a_wrong_one_is_named_with_its_line() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("signatures");
        assert!(catalogue(&data).is_ok(), "without a folder there are the program's own");
        fs::create_dir(&data).unwrap();
        fs::write(data.join("LICENSE"), "not a signature").unwrap();
        fs::write(data.join("p0f.fp"), "classes = x\n[tcp:request]\nlabel = s:x:A:\nsig = *:64:0:*:*,*:::0\n").unwrap();
        fs::write(data.join("pf.os"), "1:64:0:40:.:A:::a\n").unwrap();
        assert!(catalogue(&data).is_ok());
        fs::write(data.join("pf.os"), "# a comment\nnonsense\n").unwrap();
        let error = format!("{:#}", catalogue(&data).unwrap_err());
        assert!(error.contains("pf.os is wrong: line 2: 9 fields"), "{error}");
    }
}
