//! The graph in Graphviz' language: a cluster per database, time runs from left to right.

use std::fmt::Write;

use dunlin_planner::{Graph, Selection};

use crate::graph::{Level, Line, Picture};

/// The selected part of the graph as DOT.
#[must_use]
pub fn graph_dot(graph: &Graph<'_>, selection: &Selection, level: Level) -> String {
    let picture = Picture::of(graph, selection, level);
    let mut dot = format!("digraph \"{}\" {{\n", graph.catalog().project);
    dot.push_str("  rankdir=LR;\n  node [shape=box, style=rounded, fontname=\"sans-serif\"];\n");
    for (number, (title, nodes)) in picture.clusters().into_iter().enumerate() {
        let _ = writeln!(dot, "  subgraph cluster_{number} {{\n    label=\"{title}\";\n    style=rounded;");
        for node in nodes {
            let shown = &picture.nodes[node];
            let style = if shown.pulled_in { ", style=\"rounded,dashed\"" } else { "" };
            let caption = escaped(&picture.caption(shown));
            let _ = writeln!(dot, "    n{node} [label=\"{}\\n{caption}\"{style}];", shown.id);
        }
        dot.push_str("  }\n");
    }
    for link in &picture.links {
        let style = match link.line {
            Line::Sequence => "color=gray50",
            Line::Declared => "penwidth=2",
            Line::Inferred => "style=dotted, penwidth=2",
            Line::After => "style=dashed",
        };
        let label = picture.label(link).map(|label| format!(", label=\"{label}\"")).unwrap_or_default();
        let _ = writeln!(dot, "  n{} -> n{} [{style}{label}];", link.from, link.to);
    }
    dot + "}\n"
}

fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace('"', "\\\"")
}
