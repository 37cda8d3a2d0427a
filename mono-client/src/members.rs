//! The members of a tenant.

use crate::client::Client;
use crate::history::History;
use futures_util::Stream;
use mono_core::Result;
use mono_core::api::members::{ListMembers, ScrollMembers};
use mono_core::id::MemberId;
use mono_core::model::member::Member;
use mono_core::page::{Page, Slice};
use reqwest::Method;

/// Where the members are.
const PATH: &str = "/api/v1/tenant/members";

fn path(member: MemberId, rest: &str) -> String {
    format!("{PATH}/{member}{rest}")
}

/// The members of a tenant; made by [`Tenant::members`](crate::Tenant::members).
///
/// Every call may fail with `Unauthorized` where nobody is signed in, `Forbidden` where a permission is missing, and as
/// [`Client`] lists.
#[derive(Debug, Clone, Copy)]
pub struct Members<'a> {
    pub(crate) client: &'a Client,
}

impl<'a> Members<'a> {
    /// One page of the members.
    ///
    /// # Errors
    /// `Validation` names what is wrong with page, limit, search, status or sort.
    pub async fn list(&self, wanted: &ListMembers) -> Result<Page<Member>> {
        self.client.send(self.client.request(Method::GET, PATH).query(wanted)).await?.data()
    }

    /// A slice of the members, newest first. Its `next` is the cursor of the slice after it; however deep it stands, a
    /// slice costs the same.
    ///
    /// # Errors
    /// `Validation` names what is wrong with the query.
    pub async fn scroll(&self, wanted: &ScrollMembers) -> Result<Slice<Member>> {
        self.client.scroll(PATH, wanted).await
    }

    /// Every member that the query asks for, newest first. The next slice is asked for when the one before was taken; the stream
    /// ends after the last, or with the first error.
    pub fn stream(&self, wanted: ScrollMembers) -> impl Stream<Item = Result<Member>> + Unpin + use<> {
        self.client.stream(PATH, wanted)
    }

    /// One member.
    ///
    /// # Errors
    /// `NotFound` where there is none, also where the person is a member of another tenant.
    pub async fn get(&self, member: MemberId) -> Result<Member> {
        self.client.send(self.client.request(Method::GET, &path(member, ""))).await?.data()
    }

    /// Suspends a membership: its person is refused, and everything is kept.
    ///
    /// # Errors
    /// `NotFound`; `Forbidden` with code `not_held` where the member holds what the caller does not; `Conflict` for the
    /// caller's own membership.
    pub async fn suspend(&self, member: MemberId) -> Result<Member> {
        self.client.send(self.client.request(Method::POST, &path(member, "/suspend"))).await?.data()
    }

    /// Lets a suspended membership be used again.
    ///
    /// # Errors
    /// As [`suspend`](Self::suspend).
    pub async fn reactivate(&self, member: MemberId) -> Result<Member> {
        self.client.send(self.client.request(Method::POST, &path(member, "/reactivate"))).await?.data()
    }

    /// Ends a membership, with every role and grant that came with it.
    ///
    /// # Errors
    /// As [`suspend`](Self::suspend).
    pub async fn remove(&self, member: MemberId) -> Result<()> {
        self.client.send(self.client.request(Method::DELETE, &path(member, ""))).await?.nothing()
    }

    /// The versions of a member, also of one who is gone.
    pub fn history(&self, member: MemberId) -> History<'a, Member> {
        History::new(self.client, &path(member, ""))
    }
}
