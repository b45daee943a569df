//! The doors: reading a folder, a commit or the index, and writing the output.
#![cfg(unix)]

// `cfg(test)` tells clippy that helpers, too, are test code.
#[cfg(test)]
mod git;
#[cfg(test)]
mod read;
#[cfg(test)]
mod support;
#[cfg(test)]
mod write;
