//! What a file's headers mean for its migration: service, phase, dependencies; and those that nothing carries out yet.

use std::collections::BTreeMap;

use dunlin_planner::{Finding, Phase, Reference, Service, ServiceName, SetName};
use dunlin_sql as sql;

use crate::sql_file::SqlFile;
use crate::words::printable;

/// Services by name and by alias.
pub(crate) struct Owners<'a>(BTreeMap<&'a str, &'a ServiceName>);

impl<'a> Owners<'a> {
    pub(crate) fn new(services: &'a BTreeMap<ServiceName, Service>) -> Self {
        let names = |service: &'a Service| {
            let names = std::iter::once(&service.name).chain(&service.aliases);
            names.map(|name| (name.as_str(), &service.name))
        };
        Self(services.values().flat_map(names).collect())
    }

    /// The service that goes by `name`.
    pub(crate) fn service(&self, name: &str) -> Option<&'a ServiceName> {
        self.0.get(name).copied()
    }

    /// The service that goes by `word`, or by `word-service`, as file names shorten it.
    pub(crate) fn short(&self, word: &str) -> Option<&'a ServiceName> {
        self.service(word).or_else(|| self.service(&format!("{word}-service")))
    }
}

/// What the headers of an up say about dependencies.
pub(crate) fn depends(file: &SqlFile) -> Vec<Reference> {
    let Some(headers) = file.headers() else { return Vec::new() };
    let reference = |name: &sql::Placed<String>| Reference { text: name.value.clone(), place: file.place(&name.range) };
    headers.dependencies.iter().chain(&headers.depends).map(reference).collect()
}

/// The phase of an up: its header's, or else its name's. Both together must agree.
pub(crate) fn phase(file: &SqlFile, named: Option<Phase>, findings: &mut Vec<Finding>) -> Option<Phase> {
    let header = file.headers().and_then(|headers| headers.phase.as_ref());
    let Some(header) = header else { return named };
    let declared = from_sql(header.value);
    if named.is_some_and(|named| named != declared) {
        let message = "this phase is not the one that the file's name or folder says";
        findings
            .push(Finding::error("phase-conflict", message).at(file.place(&header.range)).hint("change one of them"));
    }
    Some(declared)
}

fn from_sql(phase: sql::Phase) -> Phase {
    match phase {
        sql::Phase::Expand => Phase::Expand,
        sql::Phase::Data => Phase::Data,
        sql::Phase::Contract => Phase::Contract,
    }
}

/// The phase in the sql crate's words.
pub(crate) fn to_sql(phase: Phase) -> sql::Phase {
    match phase {
        Phase::Expand => sql::Phase::Expand,
        Phase::Data => sql::Phase::Data,
        Phase::Contract => sql::Phase::Contract,
    }
}

/// Headers of any file, up or down, that are wrong here.
pub(crate) fn check(file: &SqlFile, set: &SetName, service: &ServiceName, owners: &Owners<'_>) -> Vec<Finding> {
    let Some(headers) = file.headers() else { return Vec::new() };
    let mut findings = Vec::new();
    let mut later = |name: &str, range: &std::ops::Range<usize>| {
        let message = format!("the directive `{name}` is not supported yet");
        findings.push(Finding::error("not-supported", message).at(file.place(range)));
    };
    headers.gates.iter().for_each(|gate| later("gate", &gate.range));
    if let Some(header) = &headers.service
        && header.value != set.as_str()
        && owners.service(&header.value) != Some(service)
    {
        let named = printable(&header.value);
        let message = format!("the header says service `{named}`, but the file belongs to service `{service}`");
        let hint = match owners.service(&header.value) {
            Some(_) => "move the file, or correct the header".to_owned(),
            None => format!("correct the header, or add the name to `aliases` in [services.{service}]"),
        };
        findings.push(Finding::error("service-mismatch", message).at(file.place(&header.range)).hint(hint));
    }
    findings
}

/// Headers that say something in an up only.
pub(crate) fn check_down(file: &SqlFile) -> Vec<Finding> {
    let Some(headers) = file.headers() else { return Vec::new() };
    let phase = headers.phase.as_ref().map(|phase| ("phase", &phase.range));
    let depends = headers.depends.first().map(|depends| ("depends", &depends.range));
    let finding = |(name, range): (&str, &std::ops::Range<usize>)| {
        let message = format!("the directive `{name}` means nothing in a down");
        Finding::error("directive-misplaced", message).at(file.place(range)).hint("put it into the up file")
    };
    phase.into_iter().chain(depends).map(finding).collect()
}
