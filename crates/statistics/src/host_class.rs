//! What a host of sampled mail traffic may be called, in the words of pages. It decides nothing: classes come with the rows.

use traffic::Class;

/// A class of hosts, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostClass {
    Of(Class),
    /// No class was far enough ahead of the others.
    Undecided,
}

impl HostClass {
    /// In the order of pages: first what somebody may act upon.
    pub const ALL: [Self; Class::COUNT + 1] = [
        Self::Of(Class::LikelyBot),
        Self::Of(Class::OpenRelay),
        Self::Of(Class::MailServer),
        Self::Of(Class::Gateway),
        Self::Of(Class::ListSender),
        Self::Of(Class::Office),
        Self::Of(Class::SingleSmarthost),
        Self::Of(Class::Monitor),
        Self::Undecided,
    ];

    /// As the table `traffic_verdicts` has it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Of(class) => class.name(),
            Self::Undecided => "undecided",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.name() == name)
    }

    /// `likely bot`.
    pub fn words(self) -> &'static str {
        match self {
            Self::Of(class) => class.words(),
            Self::Undecided => "undecided",
        }
    }

    /// What a host of the class does, in a sentence.
    pub const fn sentence(self) -> &'static str {
        let Self::Of(class) = self else {
            return "No class is far enough ahead of the others, or there are too few samples.";
        };
        match class {
            Class::LikelyBot => "It sends to many, is refused by many, and is no server.",
            Class::OpenRelay => "It takes mail from strangers and passes it on in the same hours.",
            Class::MailServer => "It takes mail and sends it.",
            Class::Gateway => "It sends for many and takes nothing.",
            Class::ListSender => "It sends to many at certain hours, as lists and newsletters do.",
            Class::Office => "Several clients behind one address, with a few servers.",
            Class::SingleSmarthost => "It hands all its mail to one server.",
            Class::Monitor => "It asks servers whether they are there.",
        }
    }

    /// The condition on a row of the table.
    pub(crate) fn condition(self) -> String {
        match self {
            Self::Undecided => "class IS NULL".into(),
            class => format!("class = '{}'", class.name()),
        }
    }
}

/// By what the table of ASes is sorted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AsOrder {
    #[default]
    Clients,
    Servers,
    Both,
    Samples,
}

impl AsOrder {
    pub const ALL: [Self; 4] = [Self::Clients, Self::Servers, Self::Both, Self::Samples];

    /// The name of its column.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Clients => "clients",
            Self::Servers => "servers",
            Self::Both => "both",
            Self::Samples => "samples",
        }
    }

    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|order| order.name() == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_and_orders_are_read_by_name_and_no_class_is_called_spam() {
        for class in HostClass::ALL {
            assert_eq!(HostClass::parse(class.name()), Some(class));
            assert!(!format!("{} {}", class.words(), class.sentence()).contains("spam"));
        }
        for order in AsOrder::ALL {
            assert_eq!(AsOrder::parse(order.name()), Some(order));
        }
        assert_eq!((HostClass::parse("spammer"), AsOrder::parse("asn")), (None, None));
    }
}
