//! The doors to the world: everything that reads or changes something outside of the process stands here.
//!
//! Reading is a trait, [`files::Folder`], with two implementations: [`files::OpenFolder`] for a folder on
//! disk and [`git::GitSource`] for a commit or the index of a Git repository. Writing is a separate type,
//! [`disk::OutputRoot`], so that code which only reads cannot write by accident.
//!
//! Another program is started by [`process::call`], with nothing but what it is given, in a [`scratch::Scratch`] folder.
//!
//! This room knows bytes and paths. It must not know what a file means.

pub mod disk;
pub mod files;
pub mod git;
pub mod process;
pub mod scratch;
