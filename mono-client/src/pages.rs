//! A list by cursor as a stream of its items.

use crate::client::Client;
use futures_util::stream::{self, Stream, TryStreamExt};
use mono_core::api::accounts::ScrollAccounts;
use mono_core::api::audit::ScrollAudit;
use mono_core::api::members::ScrollMembers;
use mono_core::api::profiles::ScrollProfiles;
use mono_core::api::tenants::ScrollTenants;
use mono_core::page::Slice;
use mono_core::{Error, Result};
use reqwest::Method;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What asks for a slice of a list.
pub(crate) trait Scroll: Serialize {
    /// Asks for the slice after this cursor.
    fn go_to(&mut self, cursor: String);
}

macro_rules! scroll {
    ($($query:ty),*) => {
        $(impl Scroll for $query {
            fn go_to(&mut self, cursor: String) {
                self.cursor = Some(cursor);
            }
        })*
    };
}

scroll!(ScrollAccounts, ScrollAudit, ScrollMembers, ScrollProfiles, ScrollTenants);

impl Client {
    /// The slice of a list that a query asks for.
    pub(crate) async fn scroll<T: DeserializeOwned>(
        &self,
        list: &str,
        wanted: &impl Scroll,
    ) -> Result<Slice<T>> {
        let path = format!("{list}/by-cursor");
        self.send(self.request(Method::GET, &path).query(wanted)).await?.data()
    }

    /// The items of a list from where the query begins. A slice is asked for when the one before was taken.
    pub(crate) fn stream<T: DeserializeOwned, Q: Scroll>(
        &self,
        list: &'static str,
        wanted: Q,
    ) -> impl Stream<Item = Result<T>> + Unpin + use<T, Q> {
        let client = self.clone();
        let slices = stream::try_unfold(Some(wanted), move |wanted| {
            let client = client.clone();
            async move {
                let Some(mut wanted) = wanted else { return Ok(None) };
                let Slice { items, next } = client.scroll::<T>(list, &wanted).await?;
                let rest = next.map(|cursor| {
                    wanted.go_to(cursor);
                    wanted
                });
                Ok::<_, Error>(Some((stream::iter(items.into_iter().map(Ok::<T, Error>)), rest)))
            }
        });
        Box::pin(slices.try_flatten())
    }
}
