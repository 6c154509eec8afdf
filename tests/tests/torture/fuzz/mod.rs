//! Every reader of files and texts, fed with what nobody meant.
//!
//! A text that is right is changed at random, byte by byte and in pieces. Whatever comes out, a reader answers soon, with
//! a value or with what is wrong and where. Each trial has a thread of its own that is called after its seed: one that
//! runs out of stack takes the process with it, and its name is all that is told.

mod changes;
mod connections;
mod ledger;
mod projects;
mod sources;
mod trials;
