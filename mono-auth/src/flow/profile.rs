//! Who the caller is, as the caller sees it.

use super::{people_only, system};
use crate::authenticator::Authenticator;
use mono_core::Error;
use mono_core::caller::{Actor, Caller};
use mono_core::model::user::User;

impl Authenticator {
    /// The person who calls, or as whom support staff call.
    ///
    /// # Errors
    /// `Forbidden` with code `people_only` for anybody but a person.
    pub async fn profile(&self, caller: &Caller) -> Result<User, Error> {
        let Actor::User { user, .. } = caller.actor() else {
            return Err(people_only());
        };
        let system = system(caller.request().clone());
        let found = self.inner.database.platform(&system).read().await?.users().find(user).await?;
        found.ok_or_else(|| Error::not_found("a user"))
    }
}
