//! Exceptions that a person makes, each with who, why and until when.
//!
//! An exception hides findings, it does not stop the counting: when it ends, what still goes on is found at once.

use evidence::Time;
use minicbor::{Decode, Encode};

use crate::diagnosis::Diagnosis;
use crate::rule::Rule;
use crate::subject::Subject;

/// Exceptions at most; a further one is refused.
pub const MOST_EXCEPTIONS: usize = 2000;

/// What is excepted.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub enum Scope {
    /// Nothing of this subject is told.
    #[n(0)]
    Subject(#[n(0)] Subject),
    /// The rule does not count for this subject.
    #[n(1)]
    SubjectRule(#[n(0)] Subject, #[n(1)] Rule),
    /// This is not told of this subject.
    #[n(2)]
    SubjectDiagnosis(#[n(0)] Subject, #[n(1)] Diagnosis),
    /// The rule counts for nobody.
    #[n(3)]
    Rule(#[n(0)] Rule),
    /// This is told of nobody.
    #[n(4)]
    Diagnosis(#[n(0)] Diagnosis),
}

/// An exception.
#[derive(Clone, Debug, PartialEq, Eq, Encode, Decode)]
pub struct Exception {
    #[n(0)]
    pub scope: Scope,
    #[n(1)]
    pub until: Time,
    /// Who made it.
    #[n(2)]
    pub who: String,
    #[n(3)]
    pub why: String,
}

/// Why an exception was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    #[error("an exception needs a name of who makes it, and a reason")]
    Unexplained,
    #[error("the exception has ended already")]
    Over,
    #[error("there are {MOST_EXCEPTIONS} exceptions already")]
    TooMany,
}

/// The exceptions in force.
#[derive(Clone, Debug, Default, PartialEq, Eq, Encode, Decode)]
#[cbor(transparent)]
pub(crate) struct Exceptions(#[n(0)] Vec<Exception>);

impl Exceptions {
    /// One for the same scope is replaced.
    pub(crate) fn add(&mut self, exception: Exception, now: Time) -> Result<(), Refused> {
        self.0.retain(|old| old.until > now && old.scope != exception.scope);
        if exception.who.trim().is_empty() || exception.why.trim().is_empty() {
            return Err(Refused::Unexplained);
        }
        if exception.until <= now {
            return Err(Refused::Over);
        }
        if self.0.len() >= MOST_EXCEPTIONS {
            return Err(Refused::TooMany);
        }
        self.0.push(exception);
        Ok(())
    }

    /// Ends one before its time; whether there was one.
    pub(crate) fn end(&mut self, scope: &Scope) -> bool {
        let before = self.0.len();
        self.0.retain(|exception| exception.scope != *scope);
        self.0.len() < before
    }

    pub(crate) fn all(&self) -> &[Exception] {
        &self.0
    }

    fn any(&self, now: Time, is_it: impl Fn(&Scope) -> bool) -> bool {
        self.0.iter().any(|exception| exception.until > now && is_it(&exception.scope))
    }

    /// Whether a rule is not to count.
    pub(crate) fn hides_rule(&self, subject: &Subject, rule: Rule, now: Time) -> bool {
        self.any(now, |scope| match scope {
            Scope::SubjectRule(of, what) => of == subject && *what == rule,
            Scope::Rule(what) => *what == rule,
            _ => false,
        })
    }

    /// Whether a finding is not to be told.
    pub(crate) fn hides(&self, subject: &Subject, diagnosis: Diagnosis, now: Time) -> bool {
        self.any(now, |scope| match scope {
            Scope::Subject(of) => of == subject,
            Scope::SubjectDiagnosis(of, what) => of == subject && *what == diagnosis,
            Scope::Diagnosis(what) => *what == diagnosis,
            _ => false,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Time {
        Time::from_micros(second * 1_000_000)
    }

    fn exception(scope: Scope, until: i64) -> Exception {
        Exception { scope, until: at(until), who: "desk".into(), why: "a list that is known".into() }
    }

    #[test]
    fn an_exception_holds_for_its_scope_until_it_ends() {
        let (ann, bob) = (Subject::account(b"ann"), Subject::account(b"bob"));
        let mut exceptions = Exceptions::default();
        exceptions.add(exception(Scope::SubjectRule(ann.clone(), Rule::Strangers), 100), at(1)).unwrap();
        exceptions.add(exception(Scope::SubjectDiagnosis(ann.clone(), Diagnosis::StaleList), 50), at(1)).unwrap();
        assert!(exceptions.hides_rule(&ann, Rule::Strangers, at(99)));
        assert!(!exceptions.hides_rule(&ann, Rule::Strangers, at(100)));
        assert!(
            !exceptions.hides_rule(&ann, Rule::Failures, at(2)) && !exceptions.hides_rule(&bob, Rule::Strangers, at(2))
        );
        assert!(exceptions.hides(&ann, Diagnosis::StaleList, at(49)));
        assert!(!exceptions.hides(&ann, Diagnosis::DirtyList, at(49)));
        exceptions.add(exception(Scope::Subject(ann.clone()), 80), at(60)).unwrap();
        assert_eq!(exceptions.all().len(), 2, "what is over goes");
        assert!(exceptions.hides(&ann, Diagnosis::DirtyList, at(61)));
        assert!(exceptions.end(&Scope::Subject(ann.clone())) && !exceptions.hides(&ann, Diagnosis::DirtyList, at(61)));
    }

    #[test]
    fn nobody_makes_an_exception_without_name_reason_and_future() {
        let mut exceptions = Exceptions::default();
        let rule = Scope::Rule(Rule::Spread);
        assert_eq!(exceptions.add(exception(rule.clone(), 5), at(5)), Err(Refused::Over));
        let unexplained = Exception { why: " ".into(), ..exception(rule, 9) };
        assert_eq!(exceptions.add(unexplained, at(5)), Err(Refused::Unexplained));
        assert!(exceptions.all().is_empty());
    }
}
