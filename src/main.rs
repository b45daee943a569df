//! The `trustree` command.

fn main() {}
