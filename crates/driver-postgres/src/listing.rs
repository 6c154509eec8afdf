//! What is in a database of the kinds of things that migrations declare, whoever made it.

use dunlin_planner::{Failure, FailureClass, Listed, QualifiedName};
use tokio_postgres::SimpleQueryRow;

use crate::connect::Connector;
use crate::failure;
use crate::flavor::Listing;
use crate::rows::{field, one_row, rows, truth};

/// Lists it as the flavor knows.
pub(crate) async fn listed(connector: &Connector, listing: Listing) -> Result<Vec<Listed>, Failure> {
    let connection = connector.connect().await?;
    let client = connection.client();
    if !truth(&one_row(client, listing.present).await?, "present") {
        return Ok(Vec::new());
    }
    let found = rows(client, listing.list).await.map_err(|error| failure::of(&error))?;
    found.iter().map(one).collect()
}

fn one(row: &SimpleQueryRow) -> Result<Listed, Failure> {
    let name = QualifiedName { schema: Some(field(row, "schema")?), name: field(row, "name")? };
    match field::<String>(row, "kind")?.as_str() {
        "hypertable" => Ok(Listed::Hypertable(name)),
        "aggregate" => Ok(Listed::Aggregate(name)),
        "policy" => Ok(Listed::Policy { procedure: field(row, "procedure")?, relation: name }),
        kind => Err(Failure::new(
            FailureClass::Rejected,
            format!("the server lists a `{kind}`, and nobody knows what that is"),
        )),
    }
}
