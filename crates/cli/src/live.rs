//! The live view of a run: one line per busy lane and a bar for the whole, or plain lines where nothing can be drawn.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use dunlin_engine::EventSink;
use dunlin_planner::{Event, EventKind, Plan, StepEnd, StepIx, Timestamp};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::terminal::Terminal;

/// Shows the events of a run.
pub(crate) struct Live {
    view: Arc<dyn View>,
}

/// One way to show events.
trait View: Send + Sync {
    fn show(&self, event: &Event);
    fn finish(&self);
}

impl Live {
    pub(crate) fn new(plan: Arc<Plan>, terminal: Terminal) -> Self {
        let view: Arc<dyn View> = if terminal.draws {
            Arc::new(Bars::new(plan, terminal))
        } else {
            Arc::new(Lines { plan, terminal, told: Mutex::default() })
        };
        Self { view }
    }

    /// Where the engine sends its events.
    pub(crate) fn sink(&self) -> EventSink {
        let view = Arc::clone(&self.view);
        Arc::new(move |event| view.show(&event))
    }

    pub(crate) fn finish(&self) {
        self.view.finish();
    }
}

/// One line per event.
struct Lines {
    plan: Arc<Plan>,
    terminal: Terminal,
    /// When each backfill was last told of.
    told: Mutex<BTreeMap<StepIx, Timestamp>>,
}

/// How often lines tell how far a backfill is: a batch takes a fraction of a second.
const TOLD: Duration = Duration::from_secs(5);

impl Lines {
    /// Whether it is time to tell how far a backfill is.
    fn is_due(&self, event: &Event) -> bool {
        let (EventKind::BatchDone { step, .. } | EventKind::BackfillRests { step, .. }) = &event.kind else {
            return true;
        };
        let mut told = self.told.lock().expect("no view panics");
        let due = told.get(step).is_none_or(|last| event.at.0 - last.0 >= TOLD.as_micros() as i64);
        if due {
            told.insert(*step, event.at);
        }
        due
    }
}

impl View for Lines {
    fn show(&self, event: &Event) {
        if self.terminal.json_log {
            self.terminal.say(&dunlin_render::event_json(event, &self.plan));
        } else if let Some(line) = (shown(event, self.terminal) && self.is_due(event))
            .then(|| dunlin_render::event_line(event, &self.plan))
            .flatten()
        {
            self.terminal.say(&line);
        }
    }

    fn finish(&self) {}
}

/// Notices below a warning are only shown when more is asked for.
fn shown(event: &Event, terminal: Terminal) -> bool {
    match &event.kind {
        EventKind::Noticed { notice, .. } => terminal.verbose > 0 || notice.severity == "WARNING",
        EventKind::StepStarted { .. } | EventKind::StatementStarted { .. } => terminal.verbose > 0,
        // The summary that follows says it.
        EventKind::RunEnded { .. } => false,
        _ => true,
    }
}

/// Progress bars.
struct Bars {
    plan: Arc<Plan>,
    terminal: Terminal,
    bars: MultiProgress,
    total: ProgressBar,
    lanes: Mutex<BTreeMap<StepIx, ProgressBar>>,
    failed: AtomicUsize,
}

impl Bars {
    fn new(plan: Arc<Plan>, terminal: Terminal) -> Self {
        let bars = MultiProgress::new();
        let style = ProgressStyle::with_template("{bar:30.cyan} {pos}/{len} {elapsed} {msg:.red}")
            .expect("the template is fixed");
        let total = bars.add(ProgressBar::new(plan.steps.len() as u64).with_style(style));
        total.enable_steady_tick(Duration::from_millis(100));
        Self { plan, terminal, bars, total, lanes: Mutex::default(), failed: AtomicUsize::new(0) }
    }

    fn open(&self, step: StepIx) {
        let style =
            ProgressStyle::with_template("  {spinner:.cyan} {elapsed:>4} {wide_msg}").expect("the template is fixed");
        let bar = self.bars.insert_before(&self.total, ProgressBar::new_spinner().with_style(style));
        bar.set_message(self.title(step, ""));
        bar.enable_steady_tick(Duration::from_millis(100));
        self.lanes.lock().expect("no view panics").insert(step, bar);
    }

    /// What a lane says of its step; `at` tells how far it is.
    fn title(&self, step: StepIx, at: &str) -> String {
        let step = self.plan.step(step);
        let longest = self.plan.targets.keys().map(|name| name.as_str().len()).max().unwrap_or(0);
        format!("{:longest$}  {}  {at}{}", step.target, step.id, dunlin_render::clean(&step.name))
    }

    fn tell(&self, step: StepIx, at: &str) {
        if let Some(bar) = self.lanes.lock().expect("no view panics").get(&step) {
            bar.set_message(self.title(step, at));
        }
    }

    fn close(&self, step: StepIx) {
        if let Some(bar) = self.lanes.lock().expect("no view panics").remove(&step) {
            bar.finish_and_clear();
            self.bars.remove(&bar);
        }
    }

    /// What was never tried is not progress.
    fn count(&self, end: &StepEnd) {
        match end {
            StepEnd::Done | StepEnd::AlreadyDone => self.total.inc(1),
            StepEnd::Failed { .. } => {
                let failed = self.failed.fetch_add(1, Ordering::Relaxed) + 1;
                self.total.set_message(format!("{failed} failed"));
            }
            StepEnd::Blocked { .. } | StepEnd::NotStarted => {}
        }
    }

    fn print(&self, event: &Event) {
        if let Some(line) = dunlin_render::event_line(event, &self.plan) {
            self.bars.suspend(|| self.terminal.say(&line));
        }
    }
}

impl View for Bars {
    fn show(&self, event: &Event) {
        match &event.kind {
            EventKind::StepStarted { step, .. } => self.open(*step),
            EventKind::StatementStarted { step, index, of } => {
                self.tell(*step, &format!("statement {} of {of}  ", index + 1));
            }
            EventKind::BatchDone { step, progress } => {
                self.tell(*step, &format!("{}  ", dunlin_render::batches(progress)));
            }
            EventKind::BackfillRests { step, why, .. } => {
                self.tell(*step, &format!("rests: {}  ", dunlin_render::clean(why)));
            }
            EventKind::StepEnded { step, end, .. } => {
                self.close(*step);
                self.count(end);
                if !end.is_done() || matches!(end, StepEnd::AlreadyDone) {
                    self.print(event);
                }
            }
            EventKind::StepRetried { step, .. } => {
                self.close(*step);
                self.print(event);
            }
            EventKind::Noticed { .. } if shown(event, self.terminal) => self.print(event),
            EventKind::FailedOver { again, .. } => {
                self.total.dec(*again as u64);
                self.print(event);
            }
            EventKind::Stopping | EventKind::Paused { .. } | EventKind::Awaited { .. } | EventKind::Resumed { .. } => {
                self.print(event)
            }
            EventKind::RunStarted { .. }
            | EventKind::LedgerReady { .. }
            | EventKind::Noticed { .. }
            | EventKind::RunEnded { .. } => {}
        }
    }

    fn finish(&self) {
        self.total.finish_and_clear();
    }
}
