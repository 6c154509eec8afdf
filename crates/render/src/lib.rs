//! Planner values to text, JSON and pictures: value in, string out.
//!
//! Every text holds ANSI styles and reads the same without them; whoever prints it strips them where nobody sees colours.
//! Nothing here prints, asks a terminal or a clock, or decides anything: what a text says is in the value it was given.
//! Text of servers and files is escaped on its way ([`clean`]), so that it cannot steer a terminal.

mod adopt;
mod audit;
mod capabilities;
mod clean;
mod crontab;
mod diagnostic;
mod doctor;
mod dot;
mod events;
mod explain;
mod graph;
mod grid;
mod history;
mod jobs;
mod json;
mod mermaid;
mod pausing;
mod plan;
mod repair;
mod status;
mod style;
mod summary;
mod svg;
mod tree;
mod verification;
mod when;

pub use adopt::{adopted, adoption};
pub use audit::audits;
pub use capabilities::capabilities;
pub use clean::clean;
pub use crontab::{Crontab, crontabs, crontabs_json, job_runs};
pub use diagnostic::{failure, findings};
pub use doctor::diagnosis;
pub use dot::graph_dot;
pub use events::{batches, event_json, event_line};
pub use explain::{Traces, explain};
pub use graph::Level;
pub use history::{Logs, history};
pub use json::{
    adopted_json, audits_json, diagnosis_json, explain_json, findings_json, graph_json, history_json, plan_json,
    repaired_json, repairs_json, report_json, status_json, verification_json,
};
pub use mermaid::graph_mermaid;
pub use plan::plan;
pub use repair::{Seen, repair, repaired, repairs};
pub use status::status;
pub use summary::summary;
pub use svg::graph_svg;
pub use tree::graph_text;
pub use verification::verification;
