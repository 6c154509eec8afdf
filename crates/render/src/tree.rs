//! The graph for the terminal: a drawing where it fits, otherwise a list that says the same.
//!
//! The drawing is ascii-dag's; it has no colours, since boxes and arrows are enough. A drawing wider than the terminal
//! would be torn apart by line breaks, and one of hundreds of nodes is read by nobody: both become a list.

use ascii_dag::render::engine::{EdgeStyle, EdgeStyleCtx, LineWeight};
use ascii_dag::{Direction, LayoutConfig, RenderOptions};
use dunlin_planner::{Graph, Selection};

use crate::graph::{Level, Line, Link, Picture};
use crate::grid::{Grid, cell, plain, shorten};
use crate::plan::NAME_WIDTH;
use crate::style::{BOLD, DIM, NAME, count, listed, paint};

/// More nodes than this are listed, not drawn.
const MOST: usize = 400;

/// The selected part of the graph in lines of at most about `width`.
#[must_use]
pub fn graph_text(graph: &Graph<'_>, selection: &Selection, level: Level, width: usize) -> String {
    let picture = Picture::of(graph, selection, level);
    if picture.nodes.is_empty() {
        return "No migration is selected.\n".to_owned();
    }
    let fitting = [Direction::TopDown, Direction::LeftRight].into_iter().find_map(|way| drawn(&picture, way, width));
    fitting.unwrap_or_else(|| list(&picture, width))
}

fn drawn(picture: &Picture<'_>, direction: Direction, width: usize) -> Option<String> {
    if picture.nodes.len() > MOST {
        return None;
    }
    let labels: Vec<_> = picture.links.iter().map(|link| picture.label(link)).collect();
    let clusters = picture.clusters();
    let mut dag = ascii_dag::Graph::new();
    for (number, node) in picture.nodes.iter().enumerate() {
        dag.add_node(number, node.id.as_str());
    }
    for (link, label) in picture.links.iter().zip(&labels) {
        let label = if link.line == Line::After { Some(AFTER) } else { label.as_deref() };
        dag.add_edge(link.from, link.to, label);
    }
    for (title, nodes) in &clusters {
        let cluster = dag.add_subgraph(title);
        dag.put_nodes(nodes).inside(cluster).expect("every node was added above and is in one cluster");
    }
    let mut config = LayoutConfig::standard();
    config.direction = direction;
    let layout = dag.compute_layout_with_config(&config);
    let mut options = RenderOptions::plain();
    options.plan.edge_style_fn = dash_after;
    (layout.width() <= width).then(|| trimmed(&layout.render_string(&options)))
}

/// The label of edges between sets that only order pending work.
const AFTER: &str = "after";

fn dash_after(edge: EdgeStyleCtx<'_>) -> EdgeStyle {
    let weight = (edge.label == Some(AFTER)).then_some(LineWeight::Dashed);
    EdgeStyle { weight, ..EdgeStyle::default() }
}

/// The drawing without the blanks and the empty rows that the layout leaves.
fn trimmed(drawing: &str) -> String {
    drawing.trim_end().lines().map(|line| format!("{}\n", line.trim_end())).collect()
}

fn list(picture: &Picture<'_>, width: usize) -> String {
    let mut waits: Vec<Vec<&Link<'_>>> = vec![Vec::new(); picture.nodes.len()];
    picture.links.iter().for_each(|link| waits[link.to].push(link));
    let word = match picture.level {
        Level::Sets => "set",
        Level::Migrations => "migration",
    };
    let mut text = String::new();
    for (title, nodes) in picture.clusters() {
        text.push_str(&format!("{}  {}\n", paint(NAME.bold(), title), paint(DIM, count(nodes.len(), word))));
        let mut grid = Grid::new(2);
        for node in nodes {
            let shown = &picture.nodes[node];
            let needs: Vec<_> = waits[node].iter().map(|link| &picture.nodes[link.from].id).collect();
            let needs = if needs.is_empty() { String::new() } else { format!("after {}", listed(&needs, 6)) };
            let caption = shorten(&picture.caption(shown), NAME_WIDTH);
            grid.row([cell(BOLD, &shown.id), plain(caption), cell(DIM, needs)]);
        }
        text.push_str(&grid.render(width));
    }
    text
}
