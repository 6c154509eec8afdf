//! `[services]`: what teams own, and which folders make up their migration sets.
//!
//! A service is one set named like it, or it has `[services.X.sets.Y]`, which makes sets `X.Y`; what stands at the service
//! then counts for each of its sets.

use std::collections::BTreeMap;

use dunlin_planner::{Feature, Finding, Missing, Place, Service, ServiceName, SetName, StepSettings, TargetName};

use super::view::View;
use crate::tree::Span;

/// A set as the configuration declares it, before its files are read.
pub(crate) struct Declared {
    pub(crate) name: SetName,
    pub(crate) service: ServiceName,
    pub(crate) target: TargetName,
    /// The folders, as written.
    pub(crate) paths: Vec<(String, Place)>,
    pub(crate) naming: Option<String>,
    pub(crate) include: Vec<(String, Place)>,
    pub(crate) exclude: Vec<(String, Place)>,
    /// Names of sets or services, as written.
    pub(crate) after: Vec<(String, Place)>,
    pub(crate) requires: Vec<Feature>,
    pub(crate) missing: Missing,
    pub(crate) out_of_order: bool,
    /// Its settings over its target's.
    pub(crate) settings: StepSettings,
    pub(crate) place: Place,
}

/// Services, their sets, and what was wrong with them.
pub(crate) struct Services {
    pub(crate) services: BTreeMap<ServiceName, Service>,
    pub(crate) sets: Vec<Declared>,
}

/// Reads `[services]`; `defaults` are the targets' own settings.
pub(crate) fn read(
    config: View<'_>,
    defaults: &dyn Fn(&TargetName) -> StepSettings,
    findings: &mut Vec<Finding>,
) -> Services {
    let mut services = BTreeMap::new();
    let mut sets = Vec::new();
    for (name, key, view) in config.sections("services") {
        let Ok(name) = ServiceName::new(name) else { continue };
        let mut reader = Reader { service: &name, defaults, findings };
        sets.extend(reader.sets(key, view));
        let aliases = reader.aliases(view);
        services.insert(name.clone(), Service { name, aliases, place: key.place() });
    }
    ambiguous_names(&services, findings);
    Services { services, sets }
}

struct Reader<'a> {
    service: &'a ServiceName,
    defaults: &'a dyn Fn(&TargetName) -> StepSettings,
    findings: &'a mut Vec<Finding>,
}

impl Reader<'_> {
    fn sets(&mut self, key: &Span, view: View<'_>) -> Vec<Declared> {
        let named = view.sections("sets");
        let own = view.key("path").or_else(|| view.key("paths"));
        let service = self.service;
        match (own, named.is_empty()) {
            (Some(own), false) => {
                let message = format!("service `{service}` has both a path of its own and `sets`");
                let hint = format!("move the path into a set: [services.{service}.sets.NAME]");
                self.findings.push(Finding::error("config-conflict", message).at(own.place()).hint(hint));
            }
            (None, true) => {
                let message = format!("service `{service}` has no `path` and no `sets`");
                let hint = format!("add `path = \"…\"`, or [services.{service}.sets.NAME]");
                self.findings.push(Finding::error("config-missing-key", message).at(key.place()).hint(hint));
                return Vec::new();
            }
            _ => {}
        }
        if named.is_empty() {
            return self.set(service.as_str(), key, view).into_iter().collect();
        }
        let set =
            |(name, key, set): (&str, &Span, View<'_>)| self.set(&format!("{service}.{name}"), key, set.over(view));
        named.into_iter().filter_map(set).collect()
    }

    fn set(&mut self, name: &str, key: &Span, view: View<'_>) -> Option<Declared> {
        let name = SetName::new(name).ok()?;
        let missing = |what: &str, hint: String| {
            Finding::error("config-missing-key", format!("set `{name}` has no `{what}`")).at(key.place()).hint(hint)
        };
        let Some(target) = view.text("target") else {
            self.findings.push(missing("target", "add `target = \"…\"`, the name of one of [targets]".to_owned()));
            return None;
        };
        let target = match TargetName::new(target) {
            Ok(target) => target,
            Err(error) => {
                let place = view.node("target").map(|node| node.span.place());
                self.findings.push(Finding::error("config-name", error.to_string()).at(place));
                return None;
            }
        };
        let paths = self.paths(&name, view);
        if paths.is_empty() && view.key("path").or_else(|| view.key("paths")).is_none() {
            self.findings.push(missing("path", "add `path = \"…\"`, the folder of its migrations".to_owned()));
        }
        self.refuse_what_comes_later(&name, view);
        let placed =
            |key: &str| view.texts(key).into_iter().map(|(text, span)| (text.to_owned(), span.place())).collect();
        let settings = view.step_settings(&(self.defaults)(&target));
        Some(Declared {
            service: self.service.clone(),
            paths,
            naming: view.text("naming").map(str::to_owned),
            include: placed("include"),
            exclude: placed("exclude"),
            after: placed("after"),
            requires: view.texts("requires").into_iter().map(|(text, _)| Feature(text.to_owned())).collect(),
            missing: if view.text("missing") == Some("error") { Missing::Error } else { Missing::Hold },
            out_of_order: view.flag("out_of_order").unwrap_or(false),
            settings,
            place: key.place(),
            name,
            target,
        })
    }

    /// The folders: `path` or `paths`; of two files the environment's counts.
    fn paths(&mut self, name: &SetName, view: View<'_>) -> Vec<(String, Place)> {
        let one = view.text("path").zip(view.node("path").map(|node| &node.span));
        let several = view.texts("paths");
        let (Some((path, span)), false) = (one, several.is_empty()) else {
            let all = one.into_iter().chain(several);
            return all.map(|(path, span)| (path.to_owned(), span.place())).collect();
        };
        let list = several[0].1;
        if span.is_environment() == list.is_environment() {
            let message = format!("set `{name}` has both `path` and `paths`");
            self.findings.push(
                Finding::error("config-conflict", message)
                    .at(span.place())
                    .also("`paths`", list.place())
                    .hint("remove one of them"),
            );
        }
        if list.is_environment() {
            return several.into_iter().map(|(path, span)| (path.to_owned(), span.place())).collect();
        }
        vec![(path.to_owned(), span.place())]
    }

    /// Keys that would change what runs, and that nothing carries out yet.
    fn refuse_what_comes_later(&mut self, name: &SetName, view: View<'_>) {
        for (key, why) in [("variables", "filling values into SQL"), ("formerly", "renaming a set")] {
            if let Some(span) = view.key(key) {
                let message = format!("`{key}` of set `{name}` asks for {why}, which is not supported yet");
                self.findings.push(Finding::error("not-supported", message).at(span.place()));
            }
        }
    }

    fn aliases(&mut self, view: View<'_>) -> Vec<ServiceName> {
        let mut aliases = Vec::new();
        for (text, span) in view.texts("aliases") {
            match ServiceName::new(text) {
                Ok(alias) => aliases.push(alias),
                Err(error) => self.findings.push(Finding::error("config-name", error.to_string()).at(span.place())),
            }
        }
        aliases
    }
}

/// One name for two services would make a selection or a dependency mean either.
fn ambiguous_names(services: &BTreeMap<ServiceName, Service>, findings: &mut Vec<Finding>) {
    let mut owners: BTreeMap<&ServiceName, &Service> = BTreeMap::new();
    let names = services
        .values()
        .flat_map(|service| std::iter::once(&service.name).chain(&service.aliases).map(move |name| (name, service)));
    for (name, service) in names {
        match owners.insert(name, service) {
            Some(other) if other.name != service.name => {
                let message =
                    format!("`{name}` is a name of both service `{}` and service `{}`", other.name, service.name);
                findings.push(
                    Finding::error("alias-ambiguous", message)
                        .at(service.place.clone())
                        .also("the other one", other.place.clone()),
                );
            }
            _ => {}
        }
    }
}
