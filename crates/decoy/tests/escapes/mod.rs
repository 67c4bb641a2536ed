//! Bytes as text of a transcript, and back.

use evidence::{shown, unshown};

pub(crate) fn escape(bytes: &[u8]) -> String {
    let text =
        shown(bytes).replace("\\x0D", "\\r").replace("\\x0A", "\\n").replace("\\x09", "\\t").replace("\\x00", "\\0");
    // A blank at the end of a line would be lost to the eye, and to editors.
    match text.strip_suffix(' ') {
        Some(head) => format!("{head}\\x20"),
        None => text,
    }
}

pub(crate) fn unescape(text: &str) -> Vec<u8> {
    let text = text.replace("\\r", "\\x0D").replace("\\n", "\\x0A").replace("\\t", "\\x09").replace("\\0", "\\x00");
    match text.split_once("*{").and_then(|(_, rest)| rest.split_once('}')) {
        // `abc*{1000}` repeats the byte before it.
        Some((count, _)) => repeat(&text, count.parse().unwrap()),
        None => unshown(&text),
    }
}

fn repeat(text: &str, count: usize) -> Vec<u8> {
    let (before, rest) = text.split_once("*{").unwrap();
    let (_, after) = rest.split_once('}').unwrap();
    let mut bytes = unshown(before);
    let last = bytes.pop().unwrap();
    bytes.resize(bytes.len() + count, last);
    bytes.extend(unshown(after));
    bytes
}
