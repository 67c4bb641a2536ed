//! How the client speaks: the engines note what they see here, and the text of it is made here.
//!
//! The text describes the client's software. So it has forms and kinds and no values: no address, no name, no number of
//! recipients. Nothing here looks at the instants at which bytes came, because the network parts and joins what a client
//! wrote; what is told of pipelining stands beside the text.

mod form;
mod steps;

use evidence::{End, Protocol};

pub(crate) use self::form::{address, agent, blanks, greeting, known_user, mechanism, socks_command, token};
use self::steps::Steps;

/// The version of the text. A feature that is added or told otherwise makes another.
const VERSION: &str = "d1";

/// Most forms told of one feature. `+` stands for more of them.
const MAX_FORMS: usize = 2;

/// Most commands without an address of which the writing is told. `+` stands for more of them.
const MAX_COMMANDS: usize = 10;

/// Longest form of a feature; the rest of a longer one is left out.
const MAX_FORM: usize = 400;

/// One thing that a layer's text may tell, in the order in which it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Feature {
    /// SOCKS: the methods offered, the user, the command, the kind of address.
    Methods,
    User,
    Command,
    Address,
    /// HTTP: the request line, the names of the fields, the kind of `User-Agent`, empty lines before the request.
    Request,
    Fields,
    Agent,
    Blank,
    /// SMTP: how commands are written.
    Greeting,
    /// What the name in HELO or EHLO is equal to, when it is somebody else's.
    Poses,
    Auth,
    Mail,
    Rcpt,
    /// All other commands.
    Commands,
    /// SMTP and HTTP: what ends a line.
    Lines,
    /// SMTP: what ends a message.
    End,
}

impl Feature {
    const fn name(self) -> &'static str {
        match self {
            Self::Methods => "methods",
            Self::User => "user",
            Self::Command => "command",
            Self::Address => "address",
            Self::Request => "request",
            Self::Fields => "fields",
            Self::Agent => "agent",
            Self::Blank => "blank",
            Self::Greeting => "greeting",
            Self::Poses => "poses",
            Self::Auth => "auth",
            Self::Mail => "mail",
            Self::Rcpt => "rcpt",
            Self::Commands => "commands",
            Self::Lines => "lines",
            Self::End => "end",
        }
    }

    const fn most(self) -> usize {
        match self {
            Self::Commands => MAX_COMMANDS,
            _ => MAX_FORMS,
        }
    }
}

/// The dialect so far: one layer for each protocol spoken.
#[derive(Debug, Default)]
pub(crate) struct Dialect {
    layers: Vec<Layer>,
    pub(crate) pipelined: bool,
}

#[derive(Debug)]
struct Layer {
    protocol: Protocol,
    forms: Vec<Forms>,
    steps: Steps,
}

/// The distinct forms of a feature.
#[derive(Debug)]
struct Forms {
    feature: Feature,
    seen: Vec<String>,
    more: bool,
}

impl Dialect {
    /// The client speaks this protocol now, inside the others.
    pub(crate) fn enter(&mut self, protocol: Protocol) {
        self.layers.push(Layer { protocol, forms: Vec::new(), steps: Steps::default() });
    }

    /// A feature has this form, maybe among others.
    pub(crate) fn note(&mut self, feature: Feature, form: &str) {
        let Some(layer) = self.layers.last_mut() else { return };
        let form = form.get(..MAX_FORM).unwrap_or(form);
        let index = layer.forms.iter().position(|forms| forms.feature == feature).unwrap_or_else(|| {
            layer.forms.push(Forms { feature, seen: Vec::new(), more: false });
            layer.forms.len() - 1
        });
        let forms = &mut layer.forms[index];
        if forms.seen.iter().any(|seen| seen == form) {
            return;
        }
        match forms.seen.len() < feature.most() {
            true => forms.seen.push(form.to_owned()),
            false => forms.more = true,
        }
    }

    /// The client gives a command.
    pub(crate) fn step(&mut self, command: &'static str) {
        if let Some(layer) = self.layers.last_mut() {
            layer.steps.step(command);
        }
    }

    /// The last command was answered so.
    pub(crate) fn answered(&mut self, reply: &[u8]) {
        if let (Some(layer), Some(first)) = (self.layers.last_mut(), reply.first()) {
            layer.steps.answered(*first);
        }
    }

    /// The whole, once the connection is over; `None` when no protocol was understood.
    pub(crate) fn finish(mut self, end: End) -> Option<evidence::Dialect> {
        let last = self.layers.last_mut()?;
        if last.protocol == Protocol::Smtp {
            last.steps.end(end);
        }
        let layers: Vec<_> = self.layers.iter().map(Layer::text).collect();
        Some(evidence::Dialect { text: format!("{VERSION} {}", layers.join(" > ")), pipelined: self.pipelined })
    }
}

impl Layer {
    /// The protocol's label, then each feature as `name:forms`.
    fn text(&self) -> String {
        let mut features = self.steps.features();
        let mut forms: Vec<_> = self.forms.iter().collect();
        forms.sort_by_key(|forms| forms.feature);
        features.extend(forms.into_iter().map(|forms| format!("{}:{}", forms.feature.name(), forms.text())));
        format!("{} {}", self.protocol.label(), features.join("|")).trim_end().to_owned()
    }
}

impl Forms {
    /// In the order of the alphabet: which form comes first depends on the mail.
    fn text(&self) -> String {
        let mut seen: Vec<_> = self.seen.iter().map(String::as_str).collect();
        seen.sort_unstable();
        let more = if self.more { "," } else { "" };
        format!("{}{more}{}", seen.join(","), if self.more { "+" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(fill: impl Fn(&mut Dialect)) -> String {
        let mut dialect = Dialect::default();
        dialect.enter(Protocol::Smtp);
        fill(&mut dialect);
        dialect.finish(End::Stopped).unwrap().text
    }

    #[test]
    fn a_feature_tells_two_forms_and_that_there_were_more() {
        let told = |forms: &[&str]| text(|dialect| forms.iter().for_each(|form| dialect.note(Feature::Mail, form)));
        assert_eq!(told(&["b", "a", "b"]), "d1 SMTP mail:a,b");
        assert_eq!(told(&["b", "a", "c", "d"]), "d1 SMTP mail:a,b,+");
    }

    #[test]
    fn a_long_form_is_cut_and_a_dialect_without_a_protocol_is_none() {
        assert_eq!(text(|dialect| dialect.note(Feature::Fields, &"x".repeat(1000))).len(), 15 + MAX_FORM);
        let mut none = Dialect::default();
        none.note(Feature::Mail, "a");
        assert_eq!(none.finish(End::Closed), None);
    }

    #[test]
    fn features_stand_in_their_order_and_layers_in_that_of_the_connection() {
        let mut dialect = Dialect::default();
        dialect.enter(Protocol::Socks5);
        dialect.note(Feature::Address, "name");
        dialect.note(Feature::Methods, "0");
        dialect.enter(Protocol::Smtp);
        dialect.step("QUIT");
        assert_eq!(dialect.finish(End::Quit).unwrap().text, "d1 S5 methods:0|address:name > SMTP order:QUIT");
    }
}
