//! Every message that matters, word for word, as whoever started `dunlin` reads it.

#[cfg(test)]
mod asked;
#[cfg(test)]
mod config;
#[cfg(test)]
mod dependencies;
#[cfg(test)]
mod down;
#[cfg(test)]
mod drift;
#[cfg(test)]
mod files;
#[cfg(test)]
mod held;
#[cfg(test)]
mod paused;
#[cfg(test)]
mod reach;
#[cfg(test)]
mod refused;
#[cfg(test)]
mod repaired;
#[cfg(test)]
mod resumed;
#[cfg(test)]
mod support;
#[cfg(test)]
mod usage;
