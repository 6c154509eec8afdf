//! Files of a gigabyte, with what memory they take: Dunlin's own process below 200 MB, the backend below 64 MB.

use dunlin_tests::{Dunlin, Rows, Server, Workspace, peaks, write_large};

use crate::tally::{Tally, Verdict, share};

const MIB: u64 = 1 << 20;

#[test]
fn a_file_of_a_gigabyte_takes_little_memory() {
    let mib = share(16, 1024) as u64;
    let mut tally = Tally::new("large files in little memory", "1 GiB of INSERTs, and of COPY");
    let mut seen = Vec::new();
    for rows in [Rows::Inserted, Rows::Copied] {
        let server = Server::own();
        let database = server.scratch();
        let files = Workspace::small(&database.url());
        files.write("migrations/app/000_first.sql", "SELECT 1;\n");
        let written = write_large(&files.path("migrations/app/001_rows.sql"), rows, mib * MIB);
        let (run, peaks) = peaks(Dunlin::at(files.dir()).start("up --yes"), &database);
        let told = format!("{rows:?}: {} MB and {} MB", peaks.dunlin / 1_000_000, peaks.backend / 1_000_000);
        let is_small = peaks.dunlin < 200_000_000 && (1..64_000_000).contains(&peaks.backend);
        let is_done = run.code == Some(0) && database.sql("SELECT count(*) FROM rows") == written.to_string();
        tally.add(match (is_done, is_small) {
            (true, true) => Verdict::Recovered,
            _ => Verdict::Wrong(format!("{told}\n{}{}", run.stdout, run.stderr)),
        });
        seen.push(told);
    }
    tally.note(format!("memory of Dunlin and of the backend at most, {mib} MiB each: {}", seen.join("; ")));
    tally.end();
}
