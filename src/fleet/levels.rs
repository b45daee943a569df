//! Levels that people gave to rules: applied to what was found, and remembered, so that an override which meets nothing
//! any more is told.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use crate::finding::{Finding, Place, ROOT_DROPPED_TOO_EARLY, RULE_OVERRIDE_UNUSED, RULE_OVERRIDE_WITHOUT_REASON, Rule};
use crate::inventory::{Inventory, Layers, RuleOverride, Settings};
use crate::yaml::Path;

/// Overrides and what became of them.
#[derive(Debug, Default)]
pub(super) struct Levels {
    /// Those of the settings, which hold for every environment.
    everywhere: BTreeMap<String, (RuleOverride, Place)>,
    /// What became of overrides, by file, line, column and code: a layer's stands for all of its environments.
    met: Mutex<BTreeMap<(String, u32, u32, String), Fate>>,
}

/// What became of an override.
#[derive(Debug, Default)]
struct Fate {
    /// Whether any finding met it.
    is_met: bool,
    /// The level that its own file, or its environment, gives to the rule about overrides that meet nothing.
    unused: Option<RuleOverride>,
}

impl Levels {
    /// With the overrides of the settings.
    pub(super) fn new(settings: &Settings) -> Levels {
        let placed = |(code, word): (&String, &RuleOverride)| (code.clone(), (word.clone(), settings.rule_place(code)));
        Levels { everywhere: settings.rules.iter().map(placed).collect(), met: Mutex::default() }
    }

    /// Gives every finding the level that somebody wants for it, and leaves out those that nobody wants. Where not the
    /// whole environment could be judged, an override that meets nothing is not held against anybody.
    pub(super) fn apply(&self, inventory: &Inventory, layers: &Layers, findings: Vec<Finding>, is_whole: bool) -> Vec<Finding> {
        let overrides = self.of(inventory, layers);
        let mut met = Vec::new();
        let kept = findings.into_iter().filter_map(|finding| {
            let Some((word, place)) = overrides.get(finding.rule.code) else { return Some(finding) };
            met.push(key(place, finding.rule.code));
            word.level.level().map(|level| finding.at(level))
        });
        let kept = kept.collect();
        let mut known = self.met.lock().unwrap_or_else(PoisonError::into_inner);
        for (code, (_, place)) in overrides.iter().filter(|(code, (word, _))| is_whole && hides(code, word)) {
            let fate = known.entry(key(place, code)).or_default();
            let wish = overrides.get(RULE_OVERRIDE_UNUSED.code).filter(|(_, wished)| holds_for(wished, place, inventory));
            fate.unused = fate.unused.take().or_else(|| wish.map(|(word, _)| word.clone()));
        }
        for key in met {
            known.entry(key).or_default().is_met = true;
        }
        kept
    }

    /// The same for findings that belong to no environment.
    pub(super) fn apply_everywhere(&self, findings: Vec<Finding>) -> Vec<Finding> {
        let levelled = |finding: Finding| match self.everywhere.get(finding.rule.code) {
            Some((word, place)) => {
                let mut known = self.met.lock().unwrap_or_else(PoisonError::into_inner);
                known.entry(key(place, finding.rule.code)).or_default().is_met = true;
                word.level.level().map(|level| finding.at(level))
            }
            None => Some(finding),
        };
        findings.into_iter().filter_map(levelled).collect()
    }

    /// Overrides of an environment without a reason.
    pub(super) fn without_reason(&self, inventory: &Inventory, layers: &Layers) -> Vec<Finding> {
        let overrides = self.of(inventory, layers);
        let reason = |code: &str, word: &RuleOverride| match inventory.fields.rules.contains_key(code) {
            true => inventory.override_reason(code).is_some(),
            false => word.given_reason().is_some(),
        };
        let silent = overrides.into_iter().filter(|(code, (word, _))| !reason(code, word));
        silent
            .map(|(code, (_, place))| {
                Finding::new(&RULE_OVERRIDE_WITHOUT_REASON, place, format!("nobody says why `{code}` has another level here"))
                    .help("write `reason:` beside `level:`")
            })
            .collect()
    }

    /// Overrides that met nothing, once every environment was looked at, at the level that somebody wants for them.
    /// `has_base` says whether rules were asked that compare with an earlier state.
    pub(super) fn unused(&self, has_base: bool) -> Vec<Finding> {
        let (mut wished, mut others) = (Vec::new(), Vec::new());
        for ((file, line, column, code), fate) in self.met.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            // That rule would speak of itself.
            let is_asked = Rule::by_code(code).is_some_and(|rule| rule.code != RULE_OVERRIDE_UNUSED.code)
                && (has_base || code != ROOT_DROPPED_TOO_EARLY.code);
            if fate.is_met || !is_asked {
                continue;
            }
            let place = Place::File { file: file.into(), line: *line, column: *column };
            let finding =
                Finding::new(&RULE_OVERRIDE_UNUSED, place, format!("`{code}` finds nothing any more where this changes its level"))
                    .help("take it out, so that the next finding is seen");
            match &fate.unused {
                Some(word) => wished.extend(word.level.level().map(|level| finding.at(level))),
                None => others.push(finding),
            }
        }
        wished.extend(self.apply_everywhere(others));
        wished
    }

    /// What holds for an environment: its own word, or that of its layers, before that of the settings.
    fn of(&self, inventory: &Inventory, layers: &Layers) -> BTreeMap<String, (RuleOverride, Place)> {
        let mut overrides = self.everywhere.clone();
        for (code, word) in &inventory.fields.rules {
            let place = inventory.located(Place::InventoryKey(Path::of(["rules", code])), layers);
            overrides.insert(code.clone(), (word.clone(), place));
        }
        overrides
    }
}

/// Whether what somebody wrote at `wished` about unused overrides is meant for the override at `place`: it stands in the same
/// file, or holds for the whole environment whose own override that is. An environment has no say about a layer's.
fn holds_for(wished: &Place, place: &Place, inventory: &Inventory) -> bool {
    let file = |place: &Place| if let Place::File { file, .. } = place { Some(file.clone()) } else { None };
    let own = file(place);
    own.is_some() && (own == file(wished) || own.as_ref() == Some(&inventory.file))
}

/// Whether an override makes a rule speak lower than it would, or not at all. One that makes it speak louder is a wish for
/// the day on which it finds something.
fn hides(code: &str, word: &RuleOverride) -> bool {
    Rule::by_code(code).is_some_and(|rule| word.level.level() < Some(rule.level))
}

fn key(place: &Place, code: &str) -> (String, u32, u32, String) {
    match place {
        Place::File { file, line, column } => (file.to_string(), *line, *column, code.to_owned()),
        Place::Inventory(path) | Place::InventoryKey(path) => (path.to_string(), 0, 0, code.to_owned()),
    }
}
