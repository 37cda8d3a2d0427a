//! The teams of the accounts of a tenant.

use crate::client::Client;
use crate::history::History;
use mono_core::Result;
use mono_core::api::bulk::BulkChange;
use mono_core::api::teams::{CreateTeam, CreateTeamIn, ListTeams, UpdateTeam};
use mono_core::id::{AccountId, MemberId, TeamId};
use mono_core::model::member::Member;
use mono_core::model::team::Team;
use mono_core::page::Page;
use reqwest::Method;

/// Where the teams are.
const PATH: &str = "/api/v1/tenant/teams";

fn path(team: TeamId, rest: &str) -> String {
    format!("{PATH}/{team}{rest}")
}

fn path_of(account: AccountId) -> String {
    format!("/api/v1/tenant/accounts/{account}/teams")
}

/// The teams of the accounts of a tenant; made by [`Tenant::teams`](crate::Tenant::teams).
///
/// Every call may fail with `Unauthorized` where nobody is signed in, `Forbidden` where a permission is missing,
/// `NotFound` where account, team or member are not there, and as [`Client`] lists.
#[derive(Debug, Clone, Copy)]
pub struct Teams<'a> {
    pub(crate) client: &'a Client,
}

impl<'a> Teams<'a> {
    /// Forms a team in an account.
    ///
    /// # Errors
    /// `Validation`; `Conflict` where the account has a team of this name; `LimitExceeded` where the plan allows no more.
    pub async fn create(&self, account: AccountId, team: &CreateTeam) -> Result<Team> {
        self.client.send(self.client.request(Method::POST, &path_of(account)).json(team)).await?.data()
    }

    /// Forms up to 100 teams, one after the other, each with its own result in their order.
    ///
    /// # Errors
    /// `Validation` for more than 100.
    pub async fn create_many(&self, teams: &[CreateTeamIn]) -> Result<Vec<Result<Team>>> {
        self.client.send_many(Method::POST, PATH, teams).await
    }

    /// Changes up to 100 teams, as [`create_many`](Self::create_many) forms them.
    ///
    /// # Errors
    /// `Validation` for more than 100.
    pub async fn update_many(&self, changes: &[BulkChange<UpdateTeam>]) -> Result<Vec<Result<Team>>> {
        self.client.send_many(Method::PATCH, PATH, changes).await
    }

    /// One page of the teams of an account, by name.
    ///
    /// # Errors
    /// `Validation` names what is wrong with page, limit or search.
    pub async fn list(&self, account: AccountId, wanted: &ListTeams) -> Result<Page<Team>> {
        self.client.send(self.client.request(Method::GET, &path_of(account)).query(wanted)).await?.data()
    }

    /// One team.
    ///
    /// # Errors
    /// `NotFound` where there is none.
    pub async fn get(&self, team: TeamId) -> Result<Team> {
        self.client.send(self.client.request(Method::GET, &path(team, ""))).await?.data()
    }

    /// Changes a team.
    ///
    /// # Errors
    /// `Validation`; `Conflict` where the version is stale or the name is taken.
    pub async fn update(&self, team: TeamId, change: &UpdateTeam) -> Result<Team> {
        self.client.send(self.client.request(Method::PATCH, &path(team, "")).json(change)).await?.data()
    }

    /// Dissolves a team; [`restore`](Self::restore) brings it back.
    ///
    /// # Errors
    /// `NotFound` where there is none.
    pub async fn delete(&self, team: TeamId) -> Result<()> {
        self.client.send(self.client.request(Method::DELETE, &path(team, ""))).await?.nothing()
    }

    /// Forms a dissolved team again, with the people who were in it.
    ///
    /// # Errors
    /// `NotFound`; `Conflict` where its name was taken meanwhile; `LimitExceeded` where the plan allows no more.
    pub async fn restore(&self, team: TeamId) -> Result<Team> {
        self.client.send(self.client.request(Method::POST, &path(team, "/restore"))).await?.data()
    }

    /// One page of the people of a team, by name.
    ///
    /// # Errors
    /// `Validation` names what is wrong with page, limit or search.
    pub async fn members(&self, team: TeamId, wanted: &ListTeams) -> Result<Page<Member>> {
        let request = self.client.request(Method::GET, &path(team, "/members")).query(wanted);
        self.client.send(request).await?.data()
    }

    /// Takes a member of the tenant into a team; who is in it stays.
    ///
    /// # Errors
    /// `NotFound` where the tenant has no such team or member.
    pub async fn add_member(&self, team: TeamId, member: MemberId) -> Result<()> {
        let path = path(team, &format!("/members/{member}"));
        self.client.send(self.client.request(Method::PUT, &path)).await?.nothing()
    }

    /// Lets a member go from a team.
    ///
    /// # Errors
    /// `NotFound` where the member is not in it.
    pub async fn remove_member(&self, team: TeamId, member: MemberId) -> Result<()> {
        let path = path(team, &format!("/members/{member}"));
        self.client.send(self.client.request(Method::DELETE, &path)).await?.nothing()
    }

    /// The versions of a team.
    pub fn history(&self, team: TeamId) -> History<'a, Team> {
        History::new(self.client, &path(team, ""))
    }
}
