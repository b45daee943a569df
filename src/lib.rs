//! trustree

pub mod outside;
