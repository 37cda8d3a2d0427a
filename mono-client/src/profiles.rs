//! The profiles of the members of a tenant.

use crate::client::Client;
use crate::history::History;
use futures_util::Stream;
use mono_core::Result;
use mono_core::api::bulk::BulkChange;
use mono_core::api::profiles::{CreateProfile, CreateProfileOf, ListProfiles, ScrollProfiles, UpdateProfile};
use mono_core::id::{MemberId, ProfileId};
use mono_core::model::profile::Profile;
use mono_core::page::{Page, Slice};
use reqwest::Method;

/// Where the profiles are.
const PATH: &str = "/api/v1/tenant/profiles";

fn path(profile: ProfileId) -> String {
    format!("{PATH}/{profile}")
}

fn path_of(member: MemberId) -> String {
    format!("/api/v1/tenant/members/{member}/profiles")
}

/// The profiles of the members of a tenant; made by [`Tenant::profiles`](crate::Tenant::profiles).
///
/// Every call may fail with `Unauthorized` where nobody is signed in, `Forbidden` where a permission is missing, and as
/// [`Client`] lists.
#[derive(Debug, Clone, Copy)]
pub struct Profiles<'a> {
    pub(crate) client: &'a Client,
}

impl<'a> Profiles<'a> {
    /// Makes a draft of a member.
    ///
    /// # Errors
    /// `Validation` names each field that does not obey the schema, `NotFound` says that there is no such member.
    pub async fn create(&self, member: MemberId, profile: &CreateProfile) -> Result<Profile> {
        self.client.send(self.client.request(Method::POST, &path_of(member)).json(profile)).await?.data()
    }

    /// Makes up to 100 drafts, one after the other, each with its own result in their order.
    ///
    /// # Errors
    /// `Validation` for more than 100.
    pub async fn create_many(&self, profiles: &[CreateProfileOf]) -> Result<Vec<Result<Profile>>> {
        self.client.send_many(Method::POST, PATH, profiles).await
    }

    /// Changes up to 100 profiles, as [`create_many`](Self::create_many) makes them.
    ///
    /// # Errors
    /// `Validation` for more than 100.
    pub async fn update_many(&self, changes: &[BulkChange<UpdateProfile>]) -> Result<Vec<Result<Profile>>> {
        self.client.send_many(Method::PATCH, PATH, changes).await
    }

    /// One page of the profiles of all members.
    ///
    /// # Errors
    /// `Validation` names what is wrong with page, limit, member, kind, status or sort; `Forbidden` without
    /// `tenant.members.read`.
    pub async fn page(&self, wanted: &ListProfiles) -> Result<Page<Profile>> {
        self.client.send(self.client.request(Method::GET, PATH).query(wanted)).await?.data()
    }

    /// A slice of the profiles of all members, newest first. Its `next` is the cursor of the slice after it; however deep it stands, a
    /// slice costs the same.
    ///
    /// # Errors
    /// `Validation` names what is wrong with the query.
    pub async fn scroll(&self, wanted: &ScrollProfiles) -> Result<Slice<Profile>> {
        self.client.scroll(PATH, wanted).await
    }

    /// Every profile that the query asks for, newest first. The next slice is asked for when the one before was taken; the stream
    /// ends after the last, or with the first error.
    pub fn stream(&self, wanted: ScrollProfiles) -> impl Stream<Item = Result<Profile>> + Unpin + use<> {
        self.client.stream(PATH, wanted)
    }

    /// The profiles of a member, oldest first.
    ///
    /// # Errors
    /// `Forbidden` for somebody else's without `tenant.members.read`.
    pub async fn list(&self, member: MemberId) -> Result<Vec<Profile>> {
        self.client.send(self.client.request(Method::GET, &path_of(member))).await?.data()
    }

    /// One profile.
    ///
    /// # Errors
    /// `NotFound` where there is none.
    pub async fn get(&self, profile: ProfileId) -> Result<Profile> {
        self.client.send(self.client.request(Method::GET, &path(profile))).await?.data()
    }

    /// Changes a profile, publishes it, or takes it back.
    ///
    /// # Errors
    /// `Validation` names each field that does not obey the schema; `Conflict` where the version is stale.
    pub async fn update(&self, profile: ProfileId, change: &UpdateProfile) -> Result<Profile> {
        self.client.send(self.client.request(Method::PATCH, &path(profile)).json(change)).await?.data()
    }

    /// Deletes a profile; [`restore`](Self::restore) brings it back.
    ///
    /// # Errors
    /// `NotFound` where there is none.
    pub async fn delete(&self, profile: ProfileId) -> Result<()> {
        self.client.send(self.client.request(Method::DELETE, &path(profile))).await?.nothing()
    }

    /// Brings a deleted profile back, as a draft.
    ///
    /// # Errors
    /// `NotFound` where there is none.
    pub async fn restore(&self, profile: ProfileId) -> Result<Profile> {
        let path = format!("{}/restore", path(profile));
        self.client.send(self.client.request(Method::POST, &path)).await?.data()
    }

    /// The versions of a profile.
    pub fn history(&self, profile: ProfileId) -> History<'a, Profile> {
        History::new(self.client, &path(profile))
    }
}
