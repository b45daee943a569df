//! A text that keeps to a number of bytes: details of what can break least go first, then whole pieces, never the counts.

use std::collections::{BTreeMap, BTreeSet};

use crate::change::Risk;
use crate::finding::counted;

/// One thing that differs.
pub(super) struct Piece<'a> {
    pub(super) risk: Risk,
    /// How many changes it stands for, by what they can break.
    pub(super) counts: BTreeMap<Risk, usize>,
    pub(super) head: String,
    pub(super) details: String,
    pub(super) environments: &'a [String],
}

/// Pieces and the bytes that they may take.
pub(super) struct Budget<'a> {
    pub(super) pieces: &'a [Piece<'a>],
    /// None for no limit.
    pub(super) limit: Option<usize>,
    /// What pieces stand for, as a count calls it.
    pub(super) noun: &'static str,
    /// What stands above the first piece of a risk.
    pub(super) heading: Option<&'a dyn Fn(Risk) -> String>,
}

impl Budget<'_> {
    /// As much as fits. Steps of giving up: the details of one piece after the other, the least risky first, then the
    /// pieces themselves. What is left out is counted in any case, whatever the limit.
    pub(super) fn text(&self) -> String {
        let whole = self.after_steps(0);
        let Some(limit) = self.limit.filter(|limit| whole.len() > *limit) else { return whole };
        let fits = |step: usize| self.after_steps(step).len() <= limit;
        let all = 2 * self.pieces.len();
        // A count with one digit more can make a step longer than the one before.
        let (mut low, mut high) = (1, all);
        while low < high {
            let middle = low + (high - low) / 2;
            if fits(middle) { high = middle } else { low = middle + 1 }
        }
        self.after_steps((low..=all).find(|step| fits(*step)).unwrap_or(all))
    }

    fn after_steps(&self, steps: usize) -> String {
        let number = self.pieces.len();
        // The order in which pieces are given up: from the least risky, and from the back.
        let mut order: Vec<usize> = (0..number).collect();
        order.sort_by_key(|index| std::cmp::Reverse((self.pieces[*index].risk, *index)));
        let without_details: BTreeSet<usize> = order.iter().take(steps).copied().collect();
        let gone: BTreeSet<usize> = order.iter().take(steps.saturating_sub(number)).copied().collect();
        let mut text = String::new();
        let mut risk = None;
        for (index, piece) in self.pieces.iter().enumerate().filter(|(index, _)| !gone.contains(index)) {
            if let Some(heading) = self.heading
                && risk.replace(piece.risk) != Some(piece.risk)
            {
                text.push_str(&heading(piece.risk));
            }
            text.push_str(&piece.head);
            if !without_details.contains(&index) {
                text.push_str(&piece.details);
            }
        }
        let cut = without_details.iter().filter(|index| !gone.contains(index) && !self.pieces[**index].details.is_empty()).count();
        text.push_str(&self.left_out(cut, &gone));
        text
    }

    /// The last line of what was cut.
    fn left_out(&self, without_details: usize, gone: &BTreeSet<usize>) -> String {
        let mut parts = Vec::new();
        if !gone.is_empty() {
            let mut risks: BTreeMap<Risk, usize> = BTreeMap::new();
            let mut environments = BTreeSet::new();
            for piece in gone.iter().map(|index| &self.pieces[*index]) {
                for (risk, number) in &piece.counts {
                    *risks.entry(*risk).or_default() += number;
                }
                environments.extend(piece.environments);
            }
            let more = if gone.len() < self.pieces.len() { " more" } else { "" };
            let number = counted(risks.values().sum(), self.noun);
            let (count, noun) = number.split_once(' ').unwrap_or((&number, ""));
            let places = counted(environments.len(), "environment");
            parts.push(format!("{count}{more} {noun} in {places} not shown ({})", risks_shown(&risks)));
        }
        if without_details > 0 {
            parts.push(format!("details of {} not shown", counted(without_details, self.noun)));
        }
        match (parts.is_empty(), self.limit) {
            (true, _) | (_, None) => String::new(),
            (false, Some(limit)) => format!("… {}: the limit is {}\n", parts.join(", "), counted(limit, "byte")),
        }
    }
}

/// `1 trust, 2 rest`
pub(super) fn risks_shown(risks: &BTreeMap<Risk, usize>) -> String {
    risks.iter().map(|(risk, number)| format!("{number} {risk}")).collect::<Vec<_>>().join(", ")
}
