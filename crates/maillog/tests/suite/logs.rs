//! Logs with what they tell beside them, in `tests/logs`: `NAME.log` and `NAME.told`. `BLESS=1` writes the latter.

use std::fs;
use std::path::Path;

use proptest::prelude::*;

use maillog::{Kind, Reader, Source};

use crate::told::{told, told_ahead, told_over};

fn folder() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/logs"))
}

fn logs() -> Vec<(String, Vec<u8>)> {
    let names = fs::read_dir(folder()).unwrap().map(|entry| entry.unwrap().path());
    let mut logs: Vec<_> = names
        .filter(|path| path.extension().is_some_and(|extension| extension == "log"))
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), fs::read(&path).unwrap()))
        .collect();
    logs.sort();
    logs
}

#[test]
fn every_log_tells_what_stands_beside_it() {
    for (name, log) in logs() {
        let path = folder().join(format!("{name}.told"));
        let now = told([log.as_slice()]);
        if std::env::var_os("BLESS").is_some() {
            fs::write(&path, &now).unwrap();
        }
        assert_eq!(now, fs::read_to_string(&path).unwrap_or_default(), "{name}");
        let bytes = log.chunks(1);
        assert_eq!(told(bytes), now, "{name}, byte by byte");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn a_log_tells_the_same_however_it_is_split_and_begun_again(cuts in proptest::collection::vec(any::<prop::sample::Index>(), 0..12)) {
        for (name, log) in logs() {
            let mut cuts: Vec<_> = cuts.iter().map(|cut| cut.index(log.len() + 1)).collect();
            cuts.sort_unstable();
            cuts.push(log.len());
            let starts = std::iter::once(0).chain(cuts.iter().copied());
            let pieces = starts.zip(&cuts).map(|(from, &to)| &log[from..to]);
            let whole = told([log.as_slice()]);
            prop_assert_eq!(&told(pieces.clone()), &whole, "{}", name);
            prop_assert_eq!(&told_ahead(pieces.clone()), &whole, "{}, read ahead", name);
            let again = told_over(pieces, |reader, source| Reader::restore(&reader.save(), source).unwrap());
            prop_assert_eq!(&again, &whole, "{}, begun again at each cut", name);
        }
    }

    #[test]
    fn no_line_is_lost_whatever_stands_in_it(
        picks in proptest::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), any::<u8>(), 0..4_u8), 1..200),
    ) {
        let all: Vec<u8> = logs().into_iter().flat_map(|(_, log)| log).collect();
        let lines: Vec<&[u8]> = all.split(|byte| *byte == b'\n').collect();
        // What begins as an entry of journald has fields that are no lines.
        let mut log = b"\n".to_vec();
        for (line, at, byte, how) in &picks {
            let mut line = line.get(&lines).to_vec();
            let at = at.index(line.len() + 1);
            match how {
                0 => line.truncate(at),
                1 if at < line.len() => line[at] = *byte,
                2 => line.insert(at, *byte),
                _ => line.drain(..at).for_each(drop),
            }
            log.extend(line.into_iter().filter(|byte| *byte != b'\n'));
            log.push(b'\n');
        }
        let mut reader = Reader::new(&Source::new("2026-03-12T00:00:00Z".parse().unwrap(), 7));
        reader.feed(&log, |_| {});
        reader.finish(|_| {});
        let tally = reader.tally();
        let counted: u64 = Kind::ALL.into_iter().map(|kind| tally.count(kind)).sum();
        let lines = picks.len() as u64 + 1;
        prop_assert_eq!((tally.lines, counted, tally.bytes), (lines, lines, log.len() as u64));
    }
}
