//! Mails that are to be sent: written in the transaction of their cause, sent by whoever has the lease.

use crate::db::{FromRow, PlatformTx, Row};
use crate::platform_sql;
use mono_core::Error;
use mono_core::id::{MailId, Random, TenantId, UserId};
use mono_core::model::mail::MailKind;
use mono_core::text::{Email, Locale};
use mono_core::time::Timestamp;
use serde_json::{Value, json};
use std::time::Duration;

/// How often a mail is tried before it is given up.
const ATTEMPTS: i64 = 5;
/// How long who has taken a mail may need to send it. Afterwards anybody takes it again.
const LEASE: Duration = Duration::from_mins(2);
/// The wait after the first failure; it doubles with each further one.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_hours(1);
/// How much of an error is kept, in characters.
const ERROR_LENGTH: usize = 500;

/// A mail to be. It holds no secret and no link: what lets somebody in is made when the mail is sent.
#[derive(Debug, Clone, PartialEq)]
pub struct NewMail {
    /// What it is for.
    pub kind: MailKind,
    /// Where it goes, if whoever composes it finds that it should.
    pub address: Email,
    /// The person, where one is known already.
    pub user: Option<UserId>,
    /// The tenant whose name and colours it bears.
    pub tenant: Option<TenantId>,
    /// The language that the person reads; else that of the tenant.
    pub locale: Option<Locale>,
    /// What else is to be known when it is composed: ids, never a secret.
    pub data: Value,
}

impl NewMail {
    /// A mail to an address, of which nothing else is known.
    pub fn new(kind: MailKind, address: Email) -> Self {
        Self { kind, address, user: None, tenant: None, locale: None, data: json!({}) }
    }
}

/// A mail that was taken to be sent.
#[derive(Debug, Clone, PartialEq)]
pub struct Mail {
    /// Its id, which is the same however often it is tried.
    pub id: MailId,
    /// What it is for.
    pub kind: MailKind,
    /// Where it goes.
    pub address: Email,
    /// The person, where one was known.
    pub user_id: Option<UserId>,
    /// The tenant whose name and colours it bears.
    pub tenant_id: Option<TenantId>,
    /// The language that the person reads.
    pub locale: Option<Locale>,
    /// What else was to be known.
    pub data: Value,
    /// The how-manieth try this is, from 1. It tells who has taken the mail from who had it before.
    pub attempt: i64,
    /// With which try it is given up.
    pub last_attempt: i64,
    /// When it was asked for.
    pub created_at: Timestamp,
}

/// How many mails there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailCount {
    /// Those that wait to be sent.
    pub waiting: i64,
    /// Those that were given up.
    pub dead: i64,
}

/// A mail that was given up.
#[derive(Debug, Clone, PartialEq)]
pub struct DeadMail {
    /// Its id.
    pub id: MailId,
    /// What it is for.
    pub kind: MailKind,
    /// Where it was to go.
    pub address: Email,
    /// The tenant whose name and colours it bears.
    pub tenant_id: Option<TenantId>,
    /// How often it was tried.
    pub attempts: i64,
    /// Why the last try failed.
    pub last_error: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// When it was given up.
    pub dead_at: Timestamp,
}

/// Why a mail was not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// For the operator; without secrets.
    pub reason: String,
    /// Whether another try would fail in the same way.
    pub permanent: bool,
}

impl FromRow for Mail {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.get("id")?,
            kind: row.parse("kind")?,
            address: row.get("address")?,
            user_id: row.get_optional("user_id")?,
            tenant_id: row.get_optional("for_tenant_id")?,
            locale: row.get_optional("locale")?,
            data: row.get("data")?,
            attempt: row.get("attempts")?,
            last_attempt: row.get("last_attempt")?,
            created_at: row.get("created_at")?,
        })
    }
}

impl FromRow for DeadMail {
    fn from_row(row: &Row) -> Result<Self, Error> {
        Ok(Self {
            id: row.get("id")?,
            kind: row.parse("kind")?,
            address: row.get("address")?,
            tenant_id: row.get_optional("for_tenant_id")?,
            attempts: row.get("attempts")?,
            last_error: row.get_optional("last_error")?,
            created_at: row.get("created_at")?,
            dead_at: row.get("dead_at")?,
        })
    }
}

/// The mails of the platform. Only the program itself reaches them.
pub struct Mails<'t> {
    tx: &'t mut PlatformTx,
}

impl PlatformTx {
    /// The mails of the platform.
    pub const fn mails(&mut self) -> Mails<'_> {
        Mails { tx: self }
    }
}

impl Mails<'_> {
    /// Lets a mail be sent, if the transaction commits. Who has not shown that an address is theirs is answered the same
    /// whether or not it exists: enqueue without looking, and look when it is composed.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn enqueue(self, new: NewMail) -> Result<MailId, Error> {
        let tx = self.tx;
        tx.caller().require_system()?;
        let (id, now) = (tx.new_id::<MailId>(), tx.now());
        platform_sql!(
            tx,
            "INSERT INTO mails (id, kind, address, user_id, for_tenant_id, locale, data, attempts, last_attempt, next_attempt_at,
                 created_at)
             VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $9, $8, $8)",
            id,
            new.kind.as_str(),
            &new.address,
            new.user,
            new.tenant,
            new.locale,
            new.data,
            now,
            ATTEMPTS
        )
        .execute()
        .await?;
        tx.note_mail();
        Ok(id)
    }

    /// Takes up to so many mails that are due. Nobody else takes them within two minutes. The try counts from now on, so
    /// that a mail at which the program breaks is given up like any other.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn claim(self, most: u32) -> Result<Vec<Mail>, Error> {
        let tx = self.tx;
        tx.caller().require_system()?;
        let now = tx.now();
        // Whoever had the last try never said how it went.
        platform_sql!(
            tx,
            "UPDATE mails SET dead_at = $1, leased_until = NULL, last_error = 'the program stopped while it was sent'
             WHERE sent_at IS NULL AND dead_at IS NULL AND attempts >= last_attempt AND leased_until <= $1",
            now
        )
        .execute()
        .await?;
        platform_sql!(
            tx,
            pg: "UPDATE mails SET attempts = attempts + 1, leased_until = $2 WHERE id IN (
                 SELECT id FROM mails WHERE sent_at IS NULL AND dead_at IS NULL AND next_attempt_at <= $1
                 AND (leased_until IS NULL OR leased_until <= $1) ORDER BY next_attempt_at, id LIMIT $3
                 FOR UPDATE SKIP LOCKED)
                 RETURNING id, kind, address, user_id, for_tenant_id, locale, data, attempts, last_attempt, created_at",
            lite: "UPDATE mails SET attempts = attempts + 1, leased_until = $2 WHERE id IN (
                 SELECT id FROM mails WHERE sent_at IS NULL AND dead_at IS NULL AND next_attempt_at <= $1
                 AND (leased_until IS NULL OR leased_until <= $1) ORDER BY next_attempt_at, id LIMIT $3)
                 RETURNING id, kind, address, user_id, for_tenant_id, locale, data, attempts, last_attempt, created_at",
            now,
            now + LEASE,
            most
        )
        .all()
        .await
    }

    /// Whether the mail is still this one's to send; nobody else takes it until the transaction ends.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn hold(self, mail: &Mail) -> Result<bool, Error> {
        let tx = self.tx;
        tx.caller().require_system()?;
        let now = tx.now();
        let held = platform_sql!(
            tx,
            "UPDATE mails SET leased_until = $3
             WHERE id = $1 AND attempts = $2 AND sent_at IS NULL AND dead_at IS NULL AND leased_until > $4",
            mail.id,
            mail.attempt,
            now + LEASE,
            now
        );
        Ok(held.execute().await? == 1)
    }

    /// Writes down that a mail was sent. `false` where somebody else has taken it meanwhile.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn sent(self, mail: &Mail) -> Result<bool, Error> {
        let tx = self.tx;
        tx.caller().require_system()?;
        let now = tx.now();
        let sent = platform_sql!(
            tx,
            "UPDATE mails SET sent_at = $3, leased_until = NULL, last_error = NULL
             WHERE id = $1 AND attempts = $2 AND sent_at IS NULL AND dead_at IS NULL",
            mail.id,
            mail.attempt,
            now
        );
        Ok(sent.execute().await? == 1)
    }

    /// Takes a mail away that is not to be sent at all.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn drop_silently(self, mail: &Mail) -> Result<(), Error> {
        self.tx.caller().require_system()?;
        platform_sql!(
            self.tx,
            "DELETE FROM mails WHERE id = $1 AND attempts = $2 AND sent_at IS NULL AND dead_at IS NULL",
            mail.id,
            mail.attempt
        )
        .execute()
        .await
        .map(drop)
    }

    /// Writes down that a mail was not sent. It is tried again after a wait that doubles from a second to an hour, give
    /// or take a fifth; after five tries, or where another would fail too, it is given up: `true` then. Nothing is
    /// written where somebody else has taken it meanwhile.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn failed(self, mail: &Mail, failure: &Failure) -> Result<bool, Error> {
        let tx = self.tx;
        tx.caller().require_system()?;
        let now = tx.now();
        let dead = failure.permanent || mail.attempt >= mail.last_attempt;
        let next = now + back_off(ATTEMPTS - (mail.last_attempt - mail.attempt), tx.random());
        let reason: String = failure.reason.chars().take(ERROR_LENGTH).collect();
        let written = platform_sql!(
            tx,
            "UPDATE mails SET next_attempt_at = $3, dead_at = $4, leased_until = NULL, last_error = $5
             WHERE id = $1 AND attempts = $2 AND sent_at IS NULL AND dead_at IS NULL",
            mail.id,
            mail.attempt,
            next,
            dead.then_some(now),
            reason
        );
        Ok(written.execute().await? == 1 && dead)
    }

    /// When the next mail is due that nobody has taken.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn next_due(self) -> Result<Option<Timestamp>, Error> {
        self.tx.caller().require_system()?;
        let rows = platform_sql!(
            self.tx,
            "SELECT next_attempt_at FROM mails WHERE sent_at IS NULL AND dead_at IS NULL AND leased_until IS NULL
             ORDER BY next_attempt_at LIMIT 1"
        );
        rows.rows().await?.first().map(|row| row.get("next_attempt_at")).transpose()
    }

    /// How many mails wait to be sent, and how many were given up and are kept.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn count(self) -> Result<MailCount, Error> {
        self.tx.caller().require_system()?;
        let rows = platform_sql!(
            self.tx,
            "SELECT (SELECT count(*) FROM mails WHERE sent_at IS NULL AND dead_at IS NULL) AS waiting,
                 (SELECT count(*) FROM mails WHERE dead_at IS NOT NULL) AS dead"
        );
        let rows = rows.rows().await?;
        let row = rows.first().ok_or_else(|| Error::internal("a count has a row"))?;
        Ok(MailCount { waiting: row.get("waiting")?, dead: row.get("dead")? })
    }

    /// The mails that were given up, the newest first; at most a thousand.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn dead(self) -> Result<Vec<DeadMail>, Error> {
        self.tx.caller().require_system()?;
        platform_sql!(
            self.tx,
            "SELECT id, kind, address, for_tenant_id, attempts, last_error, created_at, dead_at FROM mails
             WHERE dead_at IS NOT NULL ORDER BY dead_at DESC, id DESC LIMIT 1000"
        )
        .all()
        .await
    }

    /// Lets a mail that was given up be tried five times more. `false` where there is no such mail.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn retry(self, id: MailId) -> Result<bool, Error> {
        let tx = self.tx;
        tx.caller().require_system()?;
        let now = tx.now();
        let waits = platform_sql!(
            tx,
            "UPDATE mails SET last_attempt = attempts + $3, next_attempt_at = $2, dead_at = NULL
             WHERE id = $1 AND dead_at IS NOT NULL",
            id,
            now,
            ATTEMPTS
        );
        let waits = waits.execute().await? == 1;
        tx.note_mail();
        Ok(waits)
    }

    /// Removes mails that were sent before the first moment, and given up before the second.
    ///
    /// # Errors
    /// `Forbidden` unless the program itself asks.
    pub async fn remove_done(self, sent: Timestamp, dead: Timestamp) -> Result<u64, Error> {
        self.tx.caller().require_system()?;
        platform_sql!(self.tx, "DELETE FROM mails WHERE sent_at < $1 OR dead_at < $2", sent, dead)
            .execute()
            .await
    }
}

/// How long to wait after a try that failed: others that failed at the same moment come back at other ones.
fn back_off(attempt: i64, random: &dyn Random) -> Duration {
    let doublings = u32::try_from(attempt.saturating_sub(1)).unwrap_or(0).min(30);
    let wait = FIRST_WAIT.saturating_mul(1 << doublings).min(LONGEST_WAIT);
    let mut byte = [0_u8; 1];
    random.fill(&mut byte);
    let [part] = byte;
    wait.mul_f64(0.8 + 0.4 * f64::from(part) / 255.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bytes(u8);
    impl Random for Bytes {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(self.0);
        }
    }

    #[test]
    fn the_wait_doubles_up_to_an_hour_give_or_take_a_fifth() {
        let millis = |attempt, byte| back_off(attempt, &Bytes(byte)).as_millis();
        assert_eq!([1, 2, 3, 4, 12].map(|attempt| millis(attempt, 0)), [800, 1600, 3200, 6400, 1_638_400]);
        assert_eq!([1, 13, 1_000_000].map(|attempt| millis(attempt, 255)), [1200, 4_320_000, 4_320_000]);
    }
}
