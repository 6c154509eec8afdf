//! Pictures of the graph.

use std::fmt::Write;

use dunlin_planner::{Catalog, Graph, Scope, Selection};
use dunlin_render::{Level, graph_dot, graph_json, graph_mermaid, graph_svg, graph_text};

use crate::support::{FLEET, bare, catalog, place};

/// What `draw` makes of everything in `catalog`, with auth's migrations chosen or all of them.
fn check(catalog: &Catalog, services: &[&str], draw: impl Fn(&Graph<'_>, &Selection) -> String) -> String {
    let graph = Graph::build(catalog).unwrap();
    let services = services.iter().map(|&service| service.to_owned()).collect();
    let selection = Selection::of(&graph, &Scope { services, ..Scope::default() }).unwrap();
    bare(&draw(&graph, &selection))
}

/// The fleet, with iot also after everything of core's sets, which longer paths imply in part.
fn ordered() -> Catalog {
    let mut catalog = catalog(FLEET);
    let after = ["billing", "auth"].map(|set| (set.parse().unwrap(), place("dunlin.toml", 9, 1, "after", 5)));
    catalog.sets.get_mut(&"iot".parse().unwrap()).unwrap().after.extend(after);
    catalog
}

#[test]
fn sets_are_drawn_without_what_a_longer_path_implies() {
    let text = check(&ordered(), &[], |graph, all| graph_text(graph, all, Level::Sets, 100));
    insta::assert_snapshot!(text, @r#"
    ╔════════════════════╗
    ║ core (postgres)    ║
    ║                    ║
    ║ [billing]   [demo] ║
    ║     │              ║
    ║     ↓              ║
    ║  [auth]            ║
    ║   ┌─┘              ║
    ╚═══╪════════════════╝
        │
        │
    ╔═══╪═════════════════╗
    ║ metrics (timescale) ║
    ║   ↓                 ║
    ║ [iot]               ║
    ║   └─┐               ║
    ╚═════╪═══════════════╝
          │
          │
    ╔═════╪═══════╗
    ║ jobs (cron) ║
    ║     ↓       ║
    ║ [nightly]   ║
    ║             ║
    ╚═════════════╝
    "#);
}

#[test]
fn migrations_are_drawn_where_they_fit_and_listed_where_they_do_not() {
    let wide = check(&ordered(), &[], |graph, all| graph_text(graph, all, Level::Migrations, 100));
    insta::assert_snapshot!(wide, @r#"
            ╔══════════════════════════════════════════════╗
            ║ core (postgres)                              ║
            ║                                              ║
            ║ [auth/20240101_001]   [billing/1]   [demo/1] ║
          ┌─╫──────────┴─┬───────────────┴─┐               ║
          │ ║            ↓                 ↓               ║
          │ ║   [auth/20240101_002]   [billing/2]          ║
          │ ║            │                 └┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈╫┈┐
          │ ║            │                                 ║ "after"
          │ ║            ↓                                 ║ ┊
          │ ║      [auth/views]                            ║ ┊
         ┌┼┈╫┈┈┈┈┈┈┈┈┈┈┈┈┘                                 ║ ┊
         ┊│ ║                                              ║ ┊
         ├┘ ║                                              ║ ┊
         ├┈┈╫┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈┈╫┈┘
         │  ╚══════════════════════════════════════════════╝
         │
         │
    ╔════╪════════════════╗
    ║ metrics (timescale) ║
    ║    ↓                ║
    ║ [iot/1]             ║
    ║    │                ║
    ║    ↓                ║
    ║ [iot/2]             ║
    ║    └─┐              ║
    ╚══════╪══════════════╝
           │
           │
    ╔══════╪══════╗
    ║ jobs (cron) ║
    ║      ↓      ║
    ║ [nightly/1] ║
    ║             ║
    ╚═════════════╝
    "#);
    let narrow = check(&ordered(), &[], |graph, all| graph_text(graph, all, Level::Migrations, 60));
    insta::assert_snapshot!(narrow, @r#"
    core (postgres)  6 migrations
      auth/20240101_001  create users table
      billing/1          invoices
      auth/20240101_002  add sessions         after auth/20240101_001,
                                              billing/1
      billing/2          drop the old totals  after billing/1
      demo/1             demo data
      auth/views         session views        after auth/20240101_002
    jobs (cron)  1 migration
      nightly/1  schedule the nightly roll up  after iot/2
    metrics (timescale)  2 migrations
      iot/1  readings           after auth/20240101_001,
                                billing/2, auth/views
      iot/2  compress readings  after iot/1
    "#);
}

#[test]
fn sets_that_need_each_other_keep_both_edges() {
    let both = catalog("core postgres\n  a/1 one\n  b/1 two | < a/1\n  a/2 three | < b/1\n  a/3 four | < b/1");
    let dot = check(&both, &[], |graph, all| graph_dot(graph, all, Level::Sets));
    insta::assert_snapshot!(dot, @r#"
    digraph "acme" {
      rankdir=LR;
      node [shape=box, style=rounded, fontname="sans-serif"];
      subgraph cluster_0 {
        label="core (postgres)";
        style=rounded;
        n0 [label="a\n3 migrations"];
        n1 [label="b\n1 migration"];
      }
      n0 -> n1 [penwidth=2];
      n1 -> n0 [penwidth=2, label="2×"];
    }
    "#);
    let svg = check(&both, &[], |graph, all| graph_svg(graph, all, Level::Sets));
    let edges: Vec<_> = svg.lines().filter(|line| line.contains("<polyline")).collect();
    insta::assert_snapshot!(edges.join("\n"), @r#"
    <polyline class="declared" points="136,76 180,76" marker-end="url(#arrow)"><title>b comes after a</title></polyline>
    <polyline class="declared" points="184,84 140,84" marker-end="url(#arrow)"><title>a comes after b</title></polyline>
    "#);
}

/// Auth and what it needs, with a name that every language has to escape.
fn quoted(draw: impl Fn(&Graph<'_>, &Selection) -> String) -> String {
    let mut catalog = ordered();
    catalog.migrations[0].name = "say \"hi\" <b> #1 \\ & more".to_owned();
    check(&catalog, &["auth"], draw)
}

#[test]
fn dot_and_mermaid_draw_the_same() {
    insta::assert_snapshot!(quoted(|graph, auth| graph_dot(graph, auth, Level::Migrations)), @r#"
    digraph "acme" {
      rankdir=LR;
      node [shape=box, style=rounded, fontname="sans-serif"];
      subgraph cluster_0 {
        label="core (postgres)";
        style=rounded;
        n0 [label="auth/20240101_001\nsay \"hi\" <b> #1 \\ & more"];
        n1 [label="billing/1\ninvoices", style="rounded,dashed"];
        n2 [label="auth/20240101_002\nadd sessions"];
        n3 [label="auth/views\nsession views"];
      }
      n0 -> n2 [color=gray50];
      n1 -> n2 [penwidth=2];
      n2 -> n3 [color=gray50];
    }
    "#);
    insta::assert_snapshot!(quoted(|graph, auth| graph_mermaid(graph, auth, Level::Migrations)), @r#"
    flowchart LR
      subgraph t0["core (postgres)"]
        n0["auth/20240101_001<br/>say #quot;hi#quot; #lt;b#gt; #35;1 \ & more"]
        n1["billing/1<br/>invoices"]
        n2["auth/20240101_002<br/>add sessions"]
        n3["auth/views<br/>session views"]
      end
      n0 --> n2
      n1 ==> n2
      n2 --> n3
    "#);
}

#[test]
fn json_names_nodes_and_edges() {
    insta::assert_snapshot!(quoted(|graph, auth| graph_json(graph, auth, Level::Migrations)), @r#"
    {
      "version": 1,
      "level": "migrations",
      "nodes": [
        {
          "id": "auth/20240101_001",
          "name": "say \"hi\" <b> #1 \\ & more",
          "target": "core",
          "service": "auth",
          "migrations": 1,
          "pulled_in": false
        },
        {
          "id": "billing/1",
          "name": "invoices",
          "target": "core",
          "service": "billing",
          "migrations": 1,
          "pulled_in": true
        },
        {
          "id": "auth/20240101_002",
          "name": "add sessions",
          "target": "core",
          "service": "auth",
          "migrations": 1,
          "pulled_in": false
        },
        {
          "id": "auth/views",
          "name": "session views",
          "target": "core",
          "service": "auth",
          "migrations": 1,
          "pulled_in": false
        }
      ],
      "edges": [
        {
          "from": "auth/20240101_001",
          "to": "auth/20240101_002",
          "kind": "sequence",
          "count": 1
        },
        {
          "from": "billing/1",
          "to": "auth/20240101_002",
          "kind": "declared",
          "count": 1,
          "place": {
            "file": "migrations/auth/20240101_002.sql",
            "line": 1,
            "column": 20,
            "text": "-- dunlin: depends billing/1",
            "width": 9
          }
        },
        {
          "from": "auth/20240101_002",
          "to": "auth/views",
          "kind": "sequence",
          "count": 1
        }
      ]
    }
    "#);
}

#[test]
fn svg_has_a_frame_a_database_and_a_box_a_migration() {
    let svg = quoted(|graph, auth| graph_svg(graph, auth, Level::Migrations));
    let body = svg.split_once("fill=\"#ffffff\"/>\n").unwrap().1;
    insta::assert_snapshot!(body, @r#"
      <rect class="target" x="12" y="12" width="592" height="160" rx="8"/>
      <polyline class="sequence" points="232,76 240,76 240,92 276,92" marker-end="url(#arrow)"><title>auth/20240101_002 comes after auth/20240101_001</title></polyline>
      <polyline class="declared" points="112,124 240,124 240,92 276,92" marker-end="url(#arrow)"><title>auth/20240101_002 needs billing/1: migrations/auth/20240101_002.sql:1:20</title></polyline>
      <polyline class="sequence" points="424,92 468,92" marker-end="url(#arrow)"><title>auth/views comes after auth/20240101_002</title></polyline>
      <rect class="node" x="28" y="60" width="208" height="32" rx="5"/>
      <text class="id" x="36" y="73">auth/20240101_001</text>
      <text class="caption" x="36" y="87">say "hi" &lt;b&gt; #1 \ &amp; more</text>
      <rect class="node pulled" x="28" y="108" width="88" height="32" rx="5"/>
      <text class="id" x="36" y="121">billing/1</text>
      <text class="caption" x="36" y="135">invoices</text>
      <rect class="node" x="276" y="76" width="152" height="32" rx="5"/>
      <text class="id" x="284" y="89">auth/20240101_002</text>
      <text class="caption" x="284" y="103">add sessions</text>
      <rect class="node" x="468" y="76" width="120" height="32" rx="5"/>
      <text class="id" x="476" y="89">auth/views</text>
      <text class="caption" x="476" y="103">session views</text>
      <text class="target-name" x="22" y="31">core (postgres)</text>
    </svg>
    "#);
}

#[test]
fn hundreds_of_migrations_are_listed_and_still_drawn_as_svg() {
    let mut fleet = "core postgres\n".to_owned();
    (0..401).for_each(|number| writeln!(fleet, "  s{}/{number} change", number % 20).unwrap());
    let catalog = catalog(&fleet);
    let text = check(&catalog, &[], |graph, all| graph_text(graph, all, Level::Migrations, 10_000));
    assert_eq!(text.lines().count(), 402);
    assert_eq!(text.lines().next().unwrap(), "core (postgres)  401 migrations");
    let svg = check(&catalog, &[], |graph, all| graph_svg(graph, all, Level::Migrations));
    assert_eq!(svg.matches("class=\"node\"").count(), 401);
}

#[test]
fn nothing_selected_is_still_a_picture() {
    let empty = catalog("core postgres");
    let text = check(&empty, &[], |graph, all| graph_text(graph, all, Level::Sets, 100));
    assert_eq!(text, "No migration is selected.\n");
    let svg = check(&empty, &[], |graph, all| graph_svg(graph, all, Level::Sets));
    assert!(svg.starts_with("<svg ") && svg.ends_with("</svg>\n"));
}
