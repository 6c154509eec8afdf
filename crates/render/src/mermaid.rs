//! The graph in Mermaid's language, which many web pages and code forges draw.

use std::fmt::Write;

use dunlin_planner::{Graph, Selection};

use crate::graph::{Level, Line, Picture};

/// The selected part of the graph as a Mermaid flowchart.
#[must_use]
pub fn graph_mermaid(graph: &Graph<'_>, selection: &Selection, level: Level) -> String {
    let picture = Picture::of(graph, selection, level);
    let mut chart = "flowchart LR\n".to_owned();
    for (number, (title, nodes)) in picture.clusters().into_iter().enumerate() {
        let _ = writeln!(chart, "  subgraph t{number}[\"{title}\"]");
        for node in nodes {
            let shown = &picture.nodes[node];
            let caption = escaped(&picture.caption(shown));
            let _ = writeln!(chart, "    n{node}[\"{}<br/>{caption}\"]", shown.id);
        }
        chart.push_str("  end\n");
    }
    for link in &picture.links {
        let arrow = match link.line {
            Line::Sequence => "-->",
            Line::Declared => "==>",
            Line::Inferred | Line::After => "-.->",
        };
        let label = picture.label(link).map(|label| format!("|{label}|")).unwrap_or_default();
        let _ = writeln!(chart, "  n{} {arrow}{label} n{}", link.from, link.to);
    }
    chart
}

fn escaped(text: &str) -> String {
    text.replace('#', "#35;").replace('"', "#quot;").replace('<', "#lt;").replace('>', "#gt;")
}
