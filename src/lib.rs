//! trustree
