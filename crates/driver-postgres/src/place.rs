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
