//! Server-sent events (WHATWG HTML, 9.2.6), as far as answers of models use them: the data of each event. Names and
//! comments are skipped; a line ends with LF or CR LF.

/// An event, in bytes.
pub(super) const EVENT_LIMIT: usize = 1 << 20;

/// Puts bytes together to events.
#[derive(Debug, Default)]
pub(super) struct Events {
    /// The line that has begun.
    line: Vec<u8>,
    /// The data of the event that has begun.
    data: Option<Vec<u8>>,
}

/// More than [`EVENT_LIMIT`].
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TooLong;

impl Events {
    /// The events that these bytes complete.
    pub(super) fn push(&mut self, bytes: &[u8]) -> Result<Vec<Vec<u8>>, TooLong> {
        let mut events = Vec::new();
        let mut rest = bytes;
        while let Some(at) = rest.iter().position(|byte| *byte == b'\n') {
            self.extend(&rest[..at])?;
            rest = &rest[at + 1..];
            let line = std::mem::take(&mut self.line);
            self.end_line(line.strip_suffix(b"\r").unwrap_or(&line), &mut events)?;
        }
        self.extend(rest)?;
        Ok(events)
    }

    /// The event that the end of the stream completes: servers forget its empty line.
    pub(super) fn rest(&mut self) -> Result<Option<Vec<u8>>, TooLong> {
        Ok(self.push(b"\n\n")?.pop())
    }

    fn extend(&mut self, bytes: &[u8]) -> Result<(), TooLong> {
        if self.line.len() + bytes.len() > EVENT_LIMIT {
            return Err(TooLong);
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    fn end_line(&mut self, line: &[u8], events: &mut Vec<Vec<u8>>) -> Result<(), TooLong> {
        if line.is_empty() {
            events.extend(self.data.take().filter(|data| !data.is_empty()));
            return Ok(());
        }
        let Some(value) = line.strip_prefix(b"data:") else { return Ok(()) };
        let value = value.strip_prefix(b" ").unwrap_or(value);
        let data = match &mut self.data {
            Some(data) => {
                data.push(b'\n');
                data
            }
            none => none.insert(Vec::new()),
        };
        if data.len() + value.len() > EVENT_LIMIT {
            return Err(TooLong);
        }
        data.extend_from_slice(value);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_are_the_same_however_they_are_cut() {
        let text =
            "event: a\r\ndata: {\"x\":\r\ndata: 1}\r\n\r\n: comment\n\ndata:é\n\nid: 7\ndata\n\ndata: last";
        for size in 1..text.len() {
            let mut events = Events::default();
            let mut found: Vec<Vec<u8>> =
                text.as_bytes().chunks(size).flat_map(|bytes| events.push(bytes).unwrap()).collect();
            found.extend(events.rest().unwrap());
            assert_eq!(found, ["{\"x\":\n1}".as_bytes(), "é".as_bytes(), b"last"], "by {size}");
        }
    }

    #[test]
    fn an_event_is_bounded() {
        let mut events = Events::default();
        let mebibyte = vec![b'x'; EVENT_LIMIT];
        events.push(&mebibyte).unwrap();
        assert_eq!(events.push(b"x"), Err(TooLong));
        let mut events = Events::default();
        let line = [b"data:", &mebibyte[..EVENT_LIMIT / 2], b"\n"].concat();
        events.push(&line).unwrap();
        events.push(&line).unwrap_err();
    }
}
