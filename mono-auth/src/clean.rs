//! What requests leave behind, taken away when nobody asks for it any more.

use crate::authenticator::Authenticator;
use mono_core::Error;
use mono_core::caller::{Caller, SystemReason};
use std::time::Duration;

/// How long an ended session stays, for who asks where somebody was signed in: 30 days.
const SESSION_DAYS: i64 = 30;
/// How long an ended token stays: 7 days.
const TOKEN_DAYS: i64 = 7;
/// How long an API key that works no more stays in the list: 90 days. What it did stays in the audit log.
const KEY_DAYS: i64 = 90;
/// How long a throttle stays after the last try: longer than any window.
const THROTTLE_DAYS: i64 = 1;
/// How long a mail that was sent stays, for who asks whether it left: a day.
const SENT_MAIL_DAYS: i64 = 1;
/// How long a mail that was given up stays, for the operator to try again: 7 days.
const DEAD_MAIL_DAYS: i64 = 7;
/// How long an answer is kept under its idempotency key: a day.
const ANSWER_DAYS: i64 = 1;

impl Authenticator {
    /// Removes sessions that ended 30 days ago, tokens that ended a week ago, API keys that ended 90 days ago, throttles that
    /// nobody tries any more, mails that were sent a day ago, and those that were given up a week ago, and answers that were
    /// kept a day ago under an idempotency key. Gives how many rows are gone.
    ///
    /// # Errors
    /// What the database refuses.
    pub async fn clean(&self) -> Result<u64, Error> {
        let system = Caller::system(SystemReason::Authentication);
        let mut tx = self.inner.database.platform(&system).write().await?;
        let before = |days| self.inner.database.now() - chrono::TimeDelta::days(days);
        let sessions = tx.sessions().remove_ended(before(SESSION_DAYS)).await?;
        let tokens = tx.single_use_tokens().remove_ended(before(TOKEN_DAYS)).await?;
        let throttles = tx.throttles().remove_unused(before(THROTTLE_DAYS)).await?;
        let keys = tx.api_keys().remove_ended(before(KEY_DAYS)).await?;
        let mails = tx.mails().remove_done(before(SENT_MAIL_DAYS), before(DEAD_MAIL_DAYS)).await?;
        let answers = tx.forget_answers(before(ANSWER_DAYS)).await?;
        tx.commit().await?;
        Ok(sessions + tokens + throttles + keys + mails + answers)
    }

    /// Does so at once and then at every interval, until it is dropped.
    pub async fn clean_every(&self, interval: Duration) {
        let mut ticks = tokio::time::interval(interval);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.clean().await {
                tracing::warn!(
                    "ended sessions and tokens could not be removed and stay for the next time: {error}"
                );
            }
        }
    }
}
