//! The figures of the original plots by day: customers that send spam, customers that send viruses, complaints of others.

use std::collections::BTreeMap;
use std::time::Duration;

use evidence::Time;
use lake::Value;

use crate::StatisticsError;
use crate::cases::{Cases, number};
use crate::question::Question;
use crate::reading::Reading;
use crate::sheet::Sheet;

/// A day's length.
pub const DAY: Duration = Duration::from_secs(86_400);

/// Figures of one day (UTC).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeskDay {
    pub start: Time,
    /// Customers first called abuse, without those of viruses.
    pub spam: u64,
    pub viruses: u64,
    /// Complaints of others that came in, and the mails they stand for.
    pub complaints: u64,
    pub incidents: u64,
    /// Machines of others first called abuse.
    pub remotes: u64,
    /// Findings of trouble.
    pub trouble: u64,
    /// Findings that a person called wrong.
    pub wrong: u64,
    /// Mail of customers; `None` where no log of the day was read: of that day nothing is known but complaints.
    pub mail: Option<Mail>,
}

/// What the mail servers took of customers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Mail {
    pub messages: u64,
    pub recipients: u64,
}

impl Cases {
    /// Figures of all days of the window, from the one in which it begins to the one in which it ends.
    pub async fn days(&self) -> Result<Vec<DeskDay>, StatisticsError> {
        let mut days = BTreeMap::new();
        let mut start = self.window.from.day();
        while start < self.window.until {
            days.insert(start, DeskDay { start, ..DeskDay::default() });
            start = start + DAY;
        }
        let parameters = self.parameters();
        let seen = self.snapshot().within(self.window);
        let (found, complaints, mail) = tokio::try_join!(
            self.ask(Question::CASE_DAYS, &parameters),
            async { Ok(seen.sql(Question::COMPLAINT_DAYS.sql(), &parameters).await?) },
            async { Ok(seen.sql(Question::MAIL_DAYS.sql(), &parameters).await?) },
        )?;
        let reading = Reading::new(Question::CASE_DAYS, found);
        for line in reading.lines() {
            if let Some(day) = line.instant("day")?.and_then(|day| days.get_mut(&day)) {
                (day.spam, day.viruses) = (line.integer("spam")?, line.integer("viruses")?);
                (day.remotes, day.trouble) = (line.integer("remotes")?, line.integer("trouble")?);
                day.wrong = line.integer("wrong")?;
            }
        }
        let reading = Reading::new(Question::COMPLAINT_DAYS, complaints);
        for line in reading.lines() {
            if let Some(day) = line.instant("day")?.and_then(|day| days.get_mut(&day)) {
                (day.complaints, day.incidents) = (line.integer("complaints")?, line.integer("incidents")?);
            }
        }
        let reading = Reading::new(Question::MAIL_DAYS, mail);
        for line in reading.lines() {
            if let Some(day) = line.instant("day")?.and_then(|day| days.get_mut(&day)) {
                let (messages, recipients) = (line.integer("messages")?, line.integer("recipients")?);
                day.mail = Some(Mail { messages, recipients });
            }
        }
        Ok(days.into_values().collect())
    }
}

impl DeskDay {
    /// Whether anything is known of what customers did: a log was read, or something was found.
    pub fn is_known(&self) -> bool {
        self.mail.is_some() || self.spam + self.viruses + self.remotes + self.trouble > 0
    }

    /// Days to be written. Of a day of which no log was read the figures of findings are absent, not zero.
    pub fn sheet(days: &[Self]) -> Sheet {
        let row = |day: &Self| {
            let found = |figure: u64| if day.is_known() { number(figure) } else { Value::Null };
            let mail = |figure: fn(&Mail) -> u64| day.mail.as_ref().map_or(Value::Null, |mail| number(figure(mail)));
            vec![
                Value::Instant(day.start),
                found(day.spam),
                found(day.viruses),
                number(day.complaints),
                number(day.incidents),
                found(day.remotes),
                found(day.trouble),
                number(day.wrong),
                mail(|mail| mail.messages),
                mail(|mail| mail.recipients),
            ]
        };
        let columns = ["day", "spam", "viruses", "complaints", "incidents", "remotes", "trouble", "wrong"];
        let columns: Vec<_> = columns.into_iter().chain(["messages", "recipients"]).collect();
        Sheet::new("day", &columns, days.iter().map(row).collect())
    }
}
