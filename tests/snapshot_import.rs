//! Import of CA snapshots, sentence by sentence of the design's "CA snapshot", over made-up CAs; and over the reference
//! files where they are at hand.

#![expect(clippy::disallowed_methods, reason = "a test reads its own files")]

mod snapshot_import {
    mod authority;
    mod hostile;
    mod inputs;
    mod merging;
    mod reference;
    mod support;
    mod unusual;
}
