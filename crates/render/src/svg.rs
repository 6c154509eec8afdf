//! The graph as one SVG file without scripts or outside references: a frame per database, time runs from left to right.
//!
//! ascii-dag lays it out in character cells; here they become pixels. It only says where a long edge bends, so the corners
//! between are filled in ([`corners`]). Colours fit light and dark pages.

use std::fmt::Write;

use ascii_dag::render::engine::CustomNode;
use ascii_dag::{Direction, EdgePath, LayoutConfig, LayoutEdge, LayoutIR, LayoutNode};
use dunlin_planner::{Graph, Selection};
use unicode_width::UnicodeWidthStr;

use crate::graph::{Level, Line, Link, Picture};
use crate::grid::shorten;

/// One character cell in pixels.
const CELL: (usize, usize) = (8, 16);
/// Rows of a node: its id and its caption.
const NODE_HEIGHT: usize = 2;
/// The most cells that a caption gets.
const CAPTION: usize = 30;
/// Pixels around everything.
const MARGIN: usize = 12;

const HEAD: &str = r##"  <style>
    text { font: 13px ui-monospace, "DejaVu Sans Mono", monospace; fill: #24292f }
    .node { fill: #ffffff; stroke: #57606a } .pulled { stroke-dasharray: 4 3 }
    .id { font-weight: bold } .caption { fill: #57606a; font-size: 12px }
    .target { fill: #f6f8fa; stroke: #afb8c1 } .target-name { fill: #0550ae; font-weight: bold; paint-order: stroke; stroke: #f6f8fa; stroke-width: 5px }
    polyline { fill: none; stroke: #8c959f; stroke-width: 1.2; stroke-linejoin: round }
    .declared { stroke: #0550ae; stroke-width: 1.8 } .after { stroke-dasharray: 5 4 } .inferred { stroke: #0550ae; stroke-dasharray: 2 3 }
    .count { fill: #0550ae; font-size: 11px; text-anchor: end }
  </style>
  <defs>
    <marker id="arrow" viewBox="0 0 10 10" refX="9" refY="5" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto"><path d="M0 0 10 5 0 10z" fill="#57606a"/></marker>
  </defs>
  <rect width="100%" height="100%" fill="#ffffff"/>
"##;

/// The selected part of the graph as SVG.
#[must_use]
pub fn graph_svg(graph: &Graph<'_>, selection: &Selection, level: Level) -> String {
    let picture = Picture::of(graph, selection, level);
    let captions: Vec<_> = picture.nodes.iter().map(|node| shorten(&picture.caption(node), CAPTION)).collect();
    let clusters = picture.clusters();
    let mut dag = ascii_dag::Graph::new();
    for (number, (node, caption)) in picture.nodes.iter().zip(&captions).enumerate() {
        let width = node.id.len().max(caption.width()) + 2;
        let (label, height, painter, payload) = (node.id.as_str(), NODE_HEIGHT, None, "");
        dag.add_node(number, CustomNode { label, width, height, painter, payload });
    }
    for link in &picture.links {
        dag.add_edge(link.from, link.to, None);
    }
    for (title, nodes) in &clusters {
        let cluster = dag.add_subgraph(title);
        dag.put_nodes(nodes).inside(cluster).expect("every node was added above and is in one cluster");
    }
    let mut config = LayoutConfig::standard();
    config.direction = Direction::LeftRight;
    config.node_spacing = 1;
    config.level_spacing = 3;
    draw(&picture, &captions, &dag.compute_layout_with_config(&config))
}

fn draw(picture: &Picture<'_>, captions: &[String], layout: &LayoutIR<'_>) -> String {
    let (width, height) = extent(layout);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\" viewBox=\"0 0 {width} {height}\">\n{HEAD}"
    );
    for frame in layout.subgraphs() {
        let (x, y) = pixel((frame.x, frame.y));
        let (wide, high) = (frame.width * CELL.0, frame.height * CELL.1);
        let _ =
            writeln!(svg, "  <rect class=\"target\" x=\"{x}\" y=\"{y}\" width=\"{wide}\" height=\"{high}\" rx=\"8\"/>");
    }
    for edge in layout.edges() {
        svg.push_str(&polyline(picture, edge));
    }
    for node in layout.nodes().iter().filter(|node| node.id < picture.nodes.len()) {
        svg.push_str(&boxed(picture, &captions[node.id], node));
    }
    for frame in layout.subgraphs() {
        let (x, y) = pixel((frame.x, frame.y));
        let _ = writeln!(svg, "  <text class=\"target-name\" x=\"{}\" y=\"{}\">{}</text>", x + 10, y + 19, frame.label);
    }
    svg + "</svg>\n"
}

/// The size in pixels: what is drawn, without the rows that the layout reserves and leaves empty.
fn extent(layout: &LayoutIR<'_>) -> (usize, usize) {
    let nodes = layout.nodes().iter().map(|node| (node.x + node.width, node.y + node.height));
    let frames = layout.subgraphs().iter().map(|frame| (frame.x + frame.width, frame.y + frame.height));
    let bends = layout.edges().iter().flat_map(|edge| corners(edge)).map(|(x, y)| (x + 1, y + 1));
    let far = |(x, y): (usize, usize), (other_x, other_y): (usize, usize)| (x.max(other_x), y.max(other_y));
    let (columns, rows) = nodes.chain(frames).chain(bends).fold((1, 1), far);
    (columns * CELL.0 + 2 * MARGIN, rows * CELL.1 + 2 * MARGIN)
}

/// The upper left pixel of a cell.
fn pixel((x, y): (usize, usize)) -> (usize, usize) {
    (x * CELL.0 + MARGIN, y * CELL.1 + MARGIN)
}

/// The cells where an edge leaves to the right, bends, and arrives from the left.
fn corners(edge: &LayoutEdge<'_>) -> Vec<(usize, usize)> {
    let (start, end) = ((edge.from_x, edge.from_y), (edge.to_x, edge.to_y));
    let mut cells = vec![start];
    match &edge.path {
        EdgePath::Corner { bend_at } => cells.extend([(*bend_at, start.1), (*bend_at, end.1)]),
        EdgePath::MultiSegment { waypoints, start_offset } => {
            let (mut at, mut offset) = (start, 1 + start_offset);
            for next in waypoints.iter().copied().chain([end]) {
                if at.1 != next.1 {
                    cells.extend([(at.0 + offset, at.1), (at.0 + offset, next.1)]);
                }
                cells.push(next);
                (at, offset) = (next, 1);
            }
            return cells;
        }
        EdgePath::Orthogonal { bends } => cells.extend(bends),
        _ => {}
    }
    cells.push(end);
    cells
}

/// The pixels of an edge, from the middle of one node's side to that of another.
///
/// Where sets need each other, one edge runs against the flow: the layout gives it the way of its opposite, so it is
/// turned round and moved beside that one.
fn points(edge: &LayoutEdge<'_>) -> Vec<(usize, usize)> {
    let aside = if edge.reversed { CELL.1 / 2 } else { 0 };
    let middle = |(x, y): (usize, usize)| (x + CELL.0 / 2, y + NODE_HEIGHT * CELL.1 / 2 + aside);
    let mut points: Vec<_> = corners(edge).into_iter().map(|cell| middle(pixel(cell))).collect();
    if edge.reversed {
        points.reverse();
    }
    if let Some((x, _)) = points.last_mut() {
        *x = if edge.reversed { pixel((edge.from_x + 1, 0)).0 } else { pixel((edge.to_x, 0)).0 };
    }
    points
}

fn polyline(picture: &Picture<'_>, edge: &LayoutEdge<'_>) -> String {
    let Some(link) = picture.links.get(edge.edge_index) else { return String::new() };
    let points = points(edge);
    let shown: Vec<_> = points.iter().map(|(x, y)| format!("{x},{y}")).collect();
    let class = match link.line {
        Line::Sequence => "sequence",
        Line::Declared => "declared",
        Line::Inferred => "inferred",
        Line::After => "after",
    };
    let title = escaped(&title(picture, link));
    let mut svg = format!(
        "  <polyline class=\"{class}\" points=\"{}\" marker-end=\"url(#arrow)\"><title>{title}</title></polyline>\n",
        shown.join(" ")
    );
    if let (Some(label), Some((x, y))) = (picture.label(link), points.last()) {
        let (x, y) = if edge.reversed { (x + 24, y + 14) } else { (x.saturating_sub(10), y.saturating_sub(4)) };
        let _ = writeln!(svg, "  <text class=\"count\" x=\"{x}\" y=\"{y}\">{label}</text>");
    }
    svg
}

/// What a reader sees when pointing at an edge.
fn title(picture: &Picture<'_>, link: &Link<'_>) -> String {
    let (later, earlier) = (&picture.nodes[link.to].id, &picture.nodes[link.from].id);
    match link.place {
        Some(place) => format!("{later} needs {earlier}: {place}"),
        None => format!("{later} comes after {earlier}"),
    }
}

fn boxed(picture: &Picture<'_>, caption: &str, node: &LayoutNode<'_>) -> String {
    let shown = &picture.nodes[node.id];
    let (x, y) = pixel((node.x, node.y));
    let (width, height) = (node.width * CELL.0, node.height * CELL.1);
    let class = if shown.pulled_in { "node pulled" } else { "node" };
    format!(
        "  <rect class=\"{class}\" x=\"{x}\" y=\"{y}\" width=\"{width}\" height=\"{height}\" rx=\"5\"/>\n  \
         <text class=\"id\" x=\"{left}\" y=\"{}\">{}</text>\n  <text class=\"caption\" x=\"{left}\" y=\"{}\">{}</text>\n",
        y + 13,
        shown.id,
        y + 27,
        escaped(caption),
        left = x + CELL.0,
    )
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
