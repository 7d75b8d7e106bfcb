//! Plain-text tables whose columns are as wide as their widest cell.

/// A column: its heading and the alignment of its cells.
pub enum Column {
    Left(&'static str),
    Right(&'static str),
}

/// Precedes every column.
const GAP: &str = "  ";

/// The headings and the rows, one line each. Control characters are replaced, so that no cell can
/// send commands to the terminal.
pub fn table(columns: &[Column], rows: &[Vec<String>]) -> String {
    let head = columns.iter().map(|column| match column {
        Column::Left(head) | Column::Right(head) => (*head).to_owned(),
    });
    let lines: Vec<Vec<String>> =
        std::iter::once(head.collect()).chain(rows.iter().map(|row| printable(row))).collect();
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

fn printable(row: &[String]) -> Vec<String> {
    let replace_control = |c: char| if c.is_control() { ' ' } else { c };
    row.iter().map(|cell| cell.chars().map(replace_control).collect()).collect()
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
