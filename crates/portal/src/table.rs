//! A table as the templates show it: heads, rows of cells, and what every table says about itself. It holds text and
//! links and computes nothing.

/// A table with its title, its sentence and its words about where it comes from.
#[derive(Default)]
pub(crate) struct Table {
    /// Its anchor.
    pub(crate) id: &'static str,
    pub(crate) title: String,
    /// What a list of tables calls it.
    pub(crate) name: &'static str,
    pub(crate) sentence: String,
    pub(crate) heads: Vec<Head>,
    pub(crate) rows: Vec<Row>,
    /// Words below it: what marks mean, what was left out.
    pub(crate) notes: Vec<String>,
    /// The same for programs, the question, and other links: words and target.
    pub(crate) links: Vec<(String, String)>,
    /// Period, sensors, versions.
    pub(crate) source: String,
}

/// The head of a column.
pub(crate) struct Head {
    pub(crate) text: String,
    /// Where it is sorted by this column.
    pub(crate) href: Option<String>,
    pub(crate) is_sorted: bool,
    pub(crate) is_text: bool,
    /// What it means, when the word does not say it.
    pub(crate) title: &'static str,
}

/// A row.
#[derive(Default)]
pub(crate) struct Row {
    /// Whether it sums up others.
    pub(crate) is_sum: bool,
    pub(crate) cells: Vec<Cell>,
}

/// A cell.
#[derive(Default)]
pub(crate) struct Cell {
    pub(crate) text: String,
    pub(crate) href: Option<String>,
    /// The whole, where `text` is cut.
    pub(crate) title: Option<String>,
    pub(crate) class: &'static str,
    /// Whether it names the row.
    pub(crate) is_head: bool,
    /// Columns it takes, beyond the first.
    pub(crate) more: usize,
}

/// Longest text of a cell; what is longer is cut, and whole in its title.
const MAX_TEXT: usize = 40;

/// Longest title: a hostile name may be longer than a page.
const MAX_TITLE: usize = 1024;

/// Longest link of a number: beyond it only the name of the row is a link, so that hostile names cannot fill a page.
pub(crate) const MAX_LINK: usize = 400;

impl Head {
    pub(crate) fn number(text: &str) -> Self {
        Self { text: text.to_owned(), href: None, is_sorted: false, is_text: false, title: "" }
    }

    pub(crate) fn text(text: &str) -> Self {
        Self { is_text: true, ..Self::number(text) }
    }

    pub(crate) fn titled(mut self, title: &'static str) -> Self {
        self.title = title;
        self
    }
}

impl Cell {
    pub(crate) fn number(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Text, cut when it is long.
    pub(crate) fn text(text: &str) -> Self {
        let is_long = text.chars().count() > MAX_TEXT;
        let shown = if is_long { text.chars().take(MAX_TEXT - 1).chain(['…']).collect() } else { text.to_owned() };
        let title = is_long.then(|| text.chars().take(MAX_TITLE).collect());
        Self { text: shown, title, class: "t", ..Self::default() }
    }

    /// Words of ours, whole.
    pub(crate) fn words(text: impl Into<String>) -> Self {
        Self { text: text.into(), class: "t", ..Self::default() }
    }

    pub(crate) fn head(text: &str) -> Self {
        Self { is_head: true, ..Self::text(text) }
    }

    pub(crate) fn linked(mut self, href: String) -> Self {
        self.href = Some(href);
        self
    }

    /// A link of a number: none where it counts nothing, or where the link is too long.
    pub(crate) fn counting(self, count: u64, href: impl FnOnce() -> String) -> Self {
        if count == 0 {
            return self;
        }
        let href = href();
        if href.len() > MAX_LINK { self } else { self.linked(href) }
    }

    pub(crate) fn titled(mut self, title: impl Into<String>) -> Self {
        self.title = Some(title.into());
        self
    }

    pub(crate) fn marked(mut self, class: &'static str) -> Self {
        self.class = class;
        self
    }

    pub(crate) fn over(mut self, columns: usize) -> Self {
        self.more = columns.saturating_sub(1);
        self
    }
}

impl Row {
    pub(crate) fn of(cells: Vec<Cell>) -> Self {
        Self { is_sum: false, cells }
    }

    pub(crate) fn sum(cells: Vec<Cell>) -> Self {
        Self { is_sum: true, cells }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_text_is_cut_and_whole_in_its_title() {
        let cell = Cell::text(&"é".repeat(41));
        assert_eq!((cell.text.chars().count(), cell.title), (40, Some("é".repeat(41))));
        assert_eq!(Cell::text(&"é".repeat(40)).title, None);
    }
}
