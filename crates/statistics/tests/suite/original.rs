//! The tables of the SpamPots slides (CERT.br, 2010), when they lie beside the project: every printed percentage follows
//! from the printed counts by our rounding, and the tables rank as ours do.

use std::path::Path;

use statistics::{grouped, percent};

/// The fenced `csv NAME` blocks of the document, as rows of cells.
fn table(document: &str, name: &str) -> Vec<Vec<String>> {
    let start = document.find(&format!("```csv {name}\n")).unwrap_or_else(|| panic!("no table {name}"));
    let body = document[start..].split_once('\n').unwrap().1;
    let body = body.split_once("```").unwrap().0;
    body.lines().skip(1).map(cells).collect()
}

fn cells(line: &str) -> Vec<String> {
    let (mut cells, mut quoted) = (vec![String::new()], false);
    for character in line.chars() {
        match character {
            '"' => quoted = !quoted,
            ',' if !quoted => cells.push(String::new()),
            other => cells.last_mut().unwrap().push(other),
        }
    }
    cells
}

#[test]
fn the_printed_percentages_follow_from_the_printed_counts() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/reference/original-tables.md");
    let Ok(document) = std::fs::read_to_string(&path) else {
        specimen::skip("../shared/reference/original-tables.md is not here");
        return;
    };
    let mut checked = 0;
    for (name, columns, totals) in [
        ("spampots_summary", [(5, 6), (7, 8)], (65_028, 2_065_006)),
        ("spampots_country_by_emails", [(3, 4), (5, 6)], (65_028, 2_065_006)),
        ("spampots_as_by_emails", [(4, 5), (6, 7)], (65_028, 2_065_006)),
        ("spampots_port_by_emails", [(4, 5), (6, 7)], (65_028, 2_065_006)),
        ("spampots_cidr_by_emails", [(4, 5), (6, 7)], (65_028, 2_065_006)),
        ("spampots_ip_by_emails", [(6, 7), (8, 9)], (65_028, 2_065_006)),
        ("spampots_country_daily", [(3, 4), (5, 6)], (6_456_658, 201_400_860)),
    ] {
        for row in table(&document, name) {
            for ((count, share), total) in columns.into_iter().zip([totals.0, totals.1]) {
                let Ok(number) = row[count].parse::<u64>() else { continue };
                assert_eq!(percent(number, total), row[share], "{name}: {row:?}");
                assert_eq!(grouped(number).replace(',', ""), row[count]);
                checked += 1;
            }
        }
    }
    assert!(checked >= 240, "{checked} percentages");
}
