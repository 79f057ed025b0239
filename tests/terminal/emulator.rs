//! What a person sees of what a program wrote to a terminal: lines, after the cursor went where it was sent (ECMA-48, as far as
//! progress on a terminal needs it). The terminal is as high as what was written.

/// A terminal.
pub struct Screen {
    columns: usize,
    rows: Vec<Vec<char>>,
    row: usize,
    column: usize,
}

/// The second cell of a wide character.
const REST: char = '\0';

impl Screen {
    /// Shows all that was written to a terminal of so many columns.
    pub fn of(written: &str, columns: usize) -> Screen {
        let mut screen = Screen { columns, rows: vec![Vec::new()], row: 0, column: 0 };
        let mut rest = written.chars().peekable();
        while let Some(c) = rest.next() {
            match c {
                '\u{1b}' if rest.next_if_eq(&'[').is_some() => {
                    let mut arguments = String::new();
                    while let Some(c) = rest.next_if(|c| !c.is_ascii_alphabetic()) {
                        arguments.push(c);
                    }
                    screen.control(&arguments, rest.next().unwrap_or('m'));
                }
                '\r' => screen.column = 0,
                '\n' => screen.go(screen.row + 1),
                c => screen.put(c),
            }
        }
        screen
    }

    /// Its lines.
    pub fn lines(&self) -> Vec<String> {
        let line =
            |row: &Vec<char>| row.iter().filter(|c| **c != REST).collect::<String>().trim_end().to_owned();
        self.rows.iter().map(line).collect()
    }

    fn go(&mut self, row: usize) {
        self.row = row;
        self.rows.resize(self.rows.len().max(row + 1), Vec::new());
    }

    fn put(&mut self, c: char) {
        // East Asian wide characters, as far as the tests write them.
        let width = if ('\u{1100}'..='\u{ffef}').contains(&c) && c > '\u{2e80}' { 2 } else { 1 };
        if self.column + width > self.columns {
            self.column = 0;
            self.go(self.row + 1);
        }
        let row = &mut self.rows[self.row];
        row.resize(row.len().max(self.column + width), ' ');
        row[self.column] = c;
        row[self.column + 1..self.column + width].fill(REST);
        self.column += width;
    }

    fn control(&mut self, arguments: &str, which: char) {
        let number = arguments.trim_start_matches('?').parse::<usize>().ok();
        let steps = number.unwrap_or(1).max(1);
        match (which, number.unwrap_or(0)) {
            ('A', _) => self.row = self.row.saturating_sub(steps),
            ('B', _) => self.go(self.row + steps),
            ('C', _) => self.column += steps,
            ('D', _) => self.column = self.column.saturating_sub(steps),
            ('G', _) => self.column = steps - 1,
            ('K', 0) => self.rows[self.row].truncate(self.column),
            ('K', 2) => self.rows[self.row].clear(),
            ('J', 0) => {
                self.rows[self.row].truncate(self.column);
                self.rows[self.row + 1..].fill(Vec::new());
            }
            // Colours, and whether the cursor is shown.
            ('m' | 'h' | 'l', _) => {}
            other => panic!("a terminal was sent {other:?} {arguments:?}"),
        }
    }
}

#[test]
fn what_was_overwritten_is_gone() {
    let shown = |text: &str| Screen::of(text, 6).lines();
    assert_eq!(shown("one\r\ntwo\r\n\u{1b}[1A\u{1b}[2Kx\u{1b}[31my\u{1b}[0m"), ["one", "xy", ""]);
    assert_eq!(shown("abcdefgh\r\u{1b}[Ki"), ["abcdef", "i"]);
    assert_eq!(shown("漢漢漢漢"), ["漢漢漢", "漢"]);
}
