//! From what the server says of an error's position to the line and column in the user's file.
//!
//! Servers count characters from 1 over a whole message; where they give no position, the number of completed statements
//! tells which one failed.

use std::sync::Arc;

use dunlin_planner::{Body, Place};

/// The place of the byte at `offset` of the text that runs; that text keeps the file's lines.
pub(crate) fn at(body: &Body, text: &str, offset: usize) -> Place {
    let offset = text.floor_char_boundary(offset);
    let start = text[..offset].rfind('\n').map_or(0, |newline| newline + 1);
    let line = text[start..].lines().next().unwrap_or_default();
    let word = text[offset..].chars().take_while(|char| char.is_alphanumeric() || *char == '_').count().max(1);
    Place {
        file: Arc::clone(&body.path),
        line: number(text[..start].matches('\n').count() + 1),
        column: number(text[start..offset].chars().count() + 1),
        text: Arc::from(line),
        width: number(word),
    }
}

/// The byte offset of the `position`th character, from 1, of `text`.
pub(crate) fn offset_of(text: &str, position: u32) -> usize {
    let characters = usize::try_from(position).unwrap_or(usize::MAX).saturating_sub(1);
    text.char_indices().nth(characters).map_or(text.len(), |(offset, _)| offset)
}

fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_counted_in_lines_and_characters() {
        let body = Body::empty(&Arc::from("a.sql"));
        let text = "SELECT 1;\n  SELECT größer_als, 2;\n\nx";
        for (at_byte, line, column, width, shown) in [
            (0, 1, 1, 6, "SELECT 1;"),
            (7, 1, 8, 1, "SELECT 1;"),
            (12, 2, 3, 6, "  SELECT größer_als, 2;"),
            (19, 2, 10, 10, "  SELECT größer_als, 2;"),
            // Within a character, and at a sign that is no word.
            (22, 2, 12, 8, "  SELECT größer_als, 2;"),
            (31, 2, 20, 1, "  SELECT größer_als, 2;"),
            (36, 3, 1, 1, ""),
            (37, 4, 1, 1, "x"),
            (99, 4, 2, 1, "x"),
        ] {
            let place = at(&body, text, at_byte);
            assert_eq!(
                (place.line, place.column, place.width, &*place.text),
                (line, column, width, shown),
                "{at_byte}"
            );
        }
    }

    #[test]
    fn positions_are_characters_from_one() {
        let offsets = [0, 1, 2, 3, 4, 99].map(|position| offset_of("aöb", position));
        assert_eq!(offsets, [0, 0, 1, 3, 4, 4]);
    }
}
