//! What the startup of a connection named its backend by.
//!
//! tokio-postgres keeps process id and secret to itself, but a cancel request holds both, and can be sent into a stream of
//! our own. Behind a pooler the process id is the pooler's invention, which is how one is found out.

use tokio::io::AsyncReadExt;
use tokio_postgres::Client;

use crate::wire::{AsItIs, Wire};

/// The process id that the startup named, out of a cancel request that goes nowhere.
pub(crate) async fn backend_pid(client: &Client) -> i32 {
    let (ours, mut theirs) = tokio::io::duplex(64);
    let token = client.cancel_token();
    let mut request = [0; 16];
    let sent = token.cancel_query_raw(Wire::plain(ours), AsItIs);
    let (_, read) = tokio::join!(sent, theirs.read_exact(&mut request));
    read.expect("a cancel request has 16 bytes: length, code, process id and secret");
    i32::from_be_bytes([request[8], request[9], request[10], request[11]])
}
