//! A database that is not the one it was: each way it comes about, on real servers, with what is said and the way out.

#[cfg(test)]
mod copies;
#[cfg(test)]
mod environments;
#[cfg(test)]
mod names;
#[cfg(test)]
mod restored;
#[cfg(test)]
mod support;
