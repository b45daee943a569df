//! The doors: reading a folder, a commit or the index, and writing the output.
#![cfg(unix)]
#![expect(clippy::disallowed_methods, reason = "a test makes its own files and starts programs")]

// `cfg(test)` tells clippy that helpers, too, are test code.
#[cfg(test)]
mod git;
#[cfg(test)]
mod read;
#[cfg(test)]
mod support;
#[cfg(test)]
mod write;
