//! The inputs that fuzzing has found to reach different code, played again by the tests of each crate.

/// Has each input of a target checked.
pub(crate) fn replay(target: &str, check: fn(&[u8])) {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus").join(target);
    let entries = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut inputs: Vec<_> = entries.map(|entry| entry.expect("a file of the corpus").path()).collect();
    inputs.sort();
    assert!(!inputs.is_empty(), "{} has inputs", folder.display());
    for input in inputs {
        // Shown when the check fails.
        eprintln!("{}", input.display());
        check(&std::fs::read(input).expect("a file of the corpus"));
    }
}
