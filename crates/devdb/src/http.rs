//! As much of HTTP as it takes to ask a server of ClickHouse whether it is there, and to hand it a statement.

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::time::Duration;

use crate::error::DevdbError;

/// Whether it takes statements.
pub(crate) fn check_ready(port: u16) -> Result<(), DevdbError> {
    match request(port, "GET /ping", "", Duration::from_secs(1)) {
        Ok((200, _)) => Ok(()),
        Ok((_, body)) => Err(DevdbError::Refused { output: body }),
        Err(error) => Err(DevdbError::Refused { output: error.to_string() }),
    }
}

/// Runs one statement, and returns what it wrote: columns parted by tabs.
pub(crate) fn query(port: u16, database: &str, statement: &str) -> Result<String, DevdbError> {
    let head = format!("POST /?wait_end_of_query=1&database={}", crate::database::encoded(database));
    match request(port, &head, statement, Duration::from_mins(2))? {
        (200, body) => Ok(body.trim_end().to_owned()),
        (_, body) => Err(DevdbError::Refused { output: body }),
    }
}

fn request(port: u16, head: &str, body: &str, patience: Duration) -> io::Result<(u16, String)> {
    let mut stream = TcpStream::connect_timeout(&SocketAddr::from((Ipv4Addr::LOCALHOST, port)), patience)?;
    stream.set_read_timeout(Some(patience))?;
    // The older version has no chunks in the answer.
    write!(stream, "{head} HTTP/1.0\r\nHost: 127.0.0.1\r\nContent-Length: {}\r\n\r\n{body}", body.len())?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    let answer = String::from_utf8_lossy(&answer);
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    let body = answer.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
    status.zip(body).ok_or_else(|| io::Error::new(io::ErrorKind::InvalidData, "this is no answer of HTTP"))
}
