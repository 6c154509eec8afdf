//! Every text as a person sees it, without its colours.

#[cfg(test)]
mod doctor;
#[cfg(test)]
mod graphs;
#[cfg(test)]
mod messages;
#[cfg(test)]
mod plans;
#[cfg(test)]
mod runs;
#[cfg(test)]
mod statuses;
#[cfg(test)]
mod support;
