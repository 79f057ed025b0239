//! Columns of text, aligned.

/// Rows of cells; each column is as wide as its widest cell, the last one is not padded.
#[derive(Debug, Default)]
pub struct Table(Vec<Vec<String>>);

impl Table {
    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.0.push(cells.to_vec());
    }

    /// The lines, two spaces before each.
    pub fn lines(&self) -> impl Iterator<Item = String> + '_ {
        let columns = self.0.iter().map(Vec::len).max().unwrap_or(0);
        let width = |at: usize| {
            self.0.iter().filter_map(|row| row.get(at)).map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..columns).map(width).collect();
        self.0.iter().map(move |row| {
            let cells: Vec<String> = row
                .iter()
                .zip(&widths)
                .filter(|(_, width)| **width > 0)
                .map(|(cell, width)| format!("{cell:width$}"))
                .collect();
            format!("  {}", cells.join("  ")).trim_end().to_owned()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_aligned_and_empty_ones_left_out() {
        let mut table = Table::default();
        table.row(["#1".into(), String::new(), "ä".into(), "x".into()]);
        table.row(["#12".into(), String::new(), "bb".into(), String::new()]);
        assert_eq!(table.lines().collect::<Vec<_>>(), ["  #1   ä   x", "  #12  bb"]);
    }
}
