//! The teams of the accounts of a tenant.

use crate::client::Client;
use crate::error::Result;
use crate::members::MemberPage;
use crate::page::page;
use mono_core::api::teams;
use mono_core::id::Uuid;
use mono_core::model::team;
use std::time::SystemTime;

/// People of an account who work together.
#[derive(Debug, Clone, uniffi::Record)]
pub struct Team {
    /// Its id.
    pub id: Uuid,
    /// The tenant.
    pub tenant_id: Uuid,
    /// The account that it belongs to.
    pub account_id: Uuid,
    /// Its name, unique in its account without regard to case.
    pub name: String,
    /// Counts the changes, from 1.
    pub version: i64,
    /// When it was made.
    pub created_at: SystemTime,
    /// When it was last changed.
    pub updated_at: SystemTime,
}

impl From<team::Team> for Team {
    fn from(team: team::Team) -> Self {
        Self {
            id: team.id.into(),
            tenant_id: team.tenant_id.into(),
            account_id: team.account_id.into(),
            name: team.name.into(),
            version: team.version,
            created_at: team.created_at.into(),
            updated_at: team.updated_at.into(),
        }
    }
}

page! {
    /// One page of a list of teams.
    TeamPage of Team, team::Team
}

/// Which teams of an account, or members of a team, are wanted; they come by name.
#[derive(Debug, Clone, uniffi::Record)]
pub struct ListTeams {
    /// The number of the page, from 1.
    #[uniffi(default = None)]
    pub page: Option<u32>,
    /// How many items a page holds: 20 by default, 100 at most.
    #[uniffi(default = None)]
    pub limit: Option<u32>,
    /// Text that the name contains, without regard to case.
    #[uniffi(default = None)]
    pub search: Option<String>,
}

impl From<ListTeams> for teams::ListTeams {
    fn from(wanted: ListTeams) -> Self {
        let ListTeams { page, limit, search } = wanted;
        Self { page, limit, search }
    }
}

/// What is changed of a team; what is left out stays as it is.
#[derive(Debug, Clone, uniffi::Record)]
pub struct UpdateTeam {
    /// The version that the change is based on; a stale one is a conflict.
    #[uniffi(default = None)]
    pub version: Option<i64>,
    /// A new name.
    #[uniffi(default = None)]
    pub name: Option<String>,
}

impl From<UpdateTeam> for teams::UpdateTeam {
    fn from(change: UpdateTeam) -> Self {
        let UpdateTeam { version, name } = change;
        Self { version, name }
    }
}

#[uniffi::export]
impl Client {
    /// One page of the teams of an account, by name.
    ///
    /// # Errors
    /// `NotFound` where there is no such account, `Validation` where the wish makes no sense.
    pub async fn list_teams(&self, account_id: Uuid, wanted: ListTeams) -> Result<TeamPage> {
        self.call(|client| async move {
            Ok(client.tenant().teams().list(account_id.into(), &wanted.into()).await?.into())
        })
        .await
    }

    /// One team.
    ///
    /// # Errors
    /// `NotFound` where there is none.
    pub async fn get_team(&self, id: Uuid) -> Result<Team> {
        self.call(|client| async move { Ok(client.tenant().teams().get(id.into()).await?.into()) }).await
    }

    /// Forms a team in an account.
    ///
    /// # Errors
    /// `Validation`; `Conflict` where the account has a team of this name; `LimitExceeded` where the plan allows no more.
    pub async fn create_team(&self, account_id: Uuid, name: String) -> Result<Team> {
        let team = teams::CreateTeam { name };
        self.call(|client| async move {
            Ok(client.tenant().teams().create(account_id.into(), &team).await?.into())
        })
        .await
    }

    /// Changes a team.
    ///
    /// # Errors
    /// `Validation`; `Conflict` where the version is stale or the name is taken.
    pub async fn update_team(&self, id: Uuid, change: UpdateTeam) -> Result<Team> {
        self.call(|client| async move {
            Ok(client.tenant().teams().update(id.into(), &change.into()).await?.into())
        })
        .await
    }

    /// Dissolves a team.
    ///
    /// # Errors
    /// `NotFound` where there is none.
    pub async fn delete_team(&self, id: Uuid) -> Result<()> {
        self.call(|client| async move { Ok(client.tenant().teams().delete(id.into()).await?) }).await
    }

    /// One page of the people of a team, by name.
    ///
    /// # Errors
    /// `NotFound` where there is no such team, `Validation` where the wish makes no sense.
    pub async fn list_team_members(&self, team_id: Uuid, wanted: ListTeams) -> Result<MemberPage> {
        self.call(|client| async move {
            Ok(client.tenant().teams().members(team_id.into(), &wanted.into()).await?.into())
        })
        .await
    }

    /// Takes a member of the tenant into a team; who is in it stays.
    ///
    /// # Errors
    /// `NotFound` where the tenant has no such team or member.
    pub async fn add_team_member(&self, team_id: Uuid, member_id: Uuid) -> Result<()> {
        self.call(|client| async move {
            Ok(client.tenant().teams().add_member(team_id.into(), member_id.into()).await?)
        })
        .await
    }

    /// Lets a member go from a team.
    ///
    /// # Errors
    /// `NotFound` where the member is not in it.
    pub async fn remove_team_member(&self, team_id: Uuid, member_id: Uuid) -> Result<()> {
        self.call(|client| async move {
            Ok(client.tenant().teams().remove_member(team_id.into(), member_id.into()).await?)
        })
        .await
    }
}
