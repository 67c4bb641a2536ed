//! Columns of the table `contents`.

use std::sync::LazyLock;

use super::{Cell, Column, Kind, count};
use crate::{ContentRow, sha256_hex};

/// Columns of the table `contents`: each distinct message content of a quarter of an hour.
pub static CONTENTS: LazyLock<Vec<Column<ContentRow>>> = LazyLock::new(|| {
    type Of = Column<ContentRow>;
    vec![
        Of::new("sha256", Kind::Text, "Digest of the content.", |r| sha256_hex(&r.sha256).into()),
        Of::new("first_seen", Kind::Instant, "When the first message with it was accepted.", |r| {
            Cell::Instant(r.first_seen)
        }),
        Of::new("size", Kind::Integer, "Length of the content.", |r| count(r.content.len() as u64)).unit("B"),
        Of::new("content", Kind::Bytes, "The content, byte for byte.", |r| Cell::Bytes(r.content.as_slice().into()))
            .personal(),
    ]
});
