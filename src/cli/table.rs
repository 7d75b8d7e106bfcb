//! Rows under a head, in columns that are as wide as what stands in them.

/// A column: its head, and where its cells stand.
pub enum Column {
    Left(&'static str),
    Right(&'static str),
}

/// What stands between two columns.
const GAP: &str = "  ";

/// The head and the rows, a line for each. What a terminal would obey is left out.
pub fn table(columns: &[Column], rows: &[Vec<String>]) -> String {
    let head = columns.iter().map(|column| match column {
        Column::Left(head) | Column::Right(head) => (*head).to_owned(),
    });
    let lines: Vec<Vec<String>> =
        std::iter::once(head.collect()).chain(rows.iter().map(|row| clean(row))).collect();
    let mut text = String::new();
    for line in &lines {
        let mut written = String::new();
        for (position, (column, cell)) in columns.iter().zip(line).enumerate() {
            let cells = lines.iter().filter_map(|line| line.get(position));
            let width = cells.map(|cell| cell.chars().count()).max().unwrap_or_default();
            let cell = match column {
                Column::Left(_) => format!("{GAP}{cell:<width$}"),
                Column::Right(_) => format!("{GAP}{cell:>width$}"),
            };
            written.push_str(&cell);
        }
        text.push_str(written.trim_end());
        text.push('\n');
    }
    text
}

fn clean(row: &[String]) -> Vec<String> {
    let printable = |c: char| if c.is_control() { ' ' } else { c };
    row.iter().map(|cell| cell.chars().map(printable).collect()).collect()
}

#[cfg(test)]
mod tests {
    use super::{Column, table};

    #[test]
    fn columns_are_as_wide_as_their_widest_cell() {
        let columns = [Column::Right("ID"), Column::Left("NAME"), Column::Left("ANSWER")];
        let row = |cells: [&str; 3]| cells.map(str::to_owned).to_vec();
        let rows = [row(["7", "ü", "two\nlines\u{1b}[2J"]), row(["1234", "order.matched", ""])];
        let expected = "    ID  NAME           ANSWER\n     7  ü              two lines [2J\n  \
                        1234  order.matched\n";
        assert_eq!(table(&columns, &rows), expected);
    }
}
