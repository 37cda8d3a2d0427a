//! The second factor of the caller, and proving again who they are.

use crate::client::Client;
use crate::user::User;
use mono_core::Result;
use mono_core::api::second_factor::{
    ConfirmSecondFactor, EnrolmentResponse, RecoveryCodesResponse, SecondFactorResponse, StepUpRequest,
    StepUpResponse,
};
use reqwest::Method;

const PATH: &str = "/api/v1/user/second-factor";

/// The caller's second factor; made by [`User::second_factor`].
#[derive(Debug, Clone, Copy)]
pub struct SecondFactor<'a> {
    client: &'a Client,
}

impl<'a> User<'a> {
    /// The caller's second factor.
    pub fn second_factor(self) -> SecondFactor<'a> {
        SecondFactor { client: self.client }
    }

    /// Proves again who the caller is, so that dangerous permissions may be used for a while.
    ///
    /// # Errors
    /// `Forbidden` where password or code are wrong, `RateLimited` after too many attempts, and what [`Client`] lists.
    pub async fn step_up(self, given: &StepUpRequest) -> Result<StepUpResponse> {
        let request = self.client.request(Method::POST, "/api/v1/user/step-up").json(given);
        self.client.send(request).await?.data()
    }
}

impl SecondFactor<'_> {
    /// Whether there is one, and how many recovery codes are left.
    ///
    /// # Errors
    /// What [`Client`] lists.
    pub async fn get(self) -> Result<SecondFactorResponse> {
        self.client.send(self.client.request(Method::GET, PATH)).await?.data()
    }

    /// Makes a secret for an authenticator; it waits for its first code.
    ///
    /// # Errors
    /// `Conflict` where there is one in force, `Forbidden` with code `step_up_required`, and what [`Client`] lists.
    pub async fn enrol(self) -> Result<EnrolmentResponse> {
        self.client.send(self.client.request(Method::POST, PATH)).await?.data()
    }

    /// Puts the secret in force with its first code, and gives the recovery codes.
    ///
    /// # Errors
    /// `Validation` where the code is wrong, `RateLimited` after too many attempts, and what [`Client`] lists.
    pub async fn confirm(self, code: &str) -> Result<RecoveryCodesResponse> {
        let body = ConfirmSecondFactor { code: code.to_owned() };
        let request = self.client.request(Method::POST, &format!("{PATH}/confirm")).json(&body);
        self.client.send(request).await?.data()
    }

    /// Gives new recovery codes in place of the old ones.
    ///
    /// # Errors
    /// `NotFound` where there is no second factor, `Forbidden` with code `step_up_required`, and what [`Client`] lists.
    pub async fn renew_recovery_codes(self) -> Result<RecoveryCodesResponse> {
        let request = self.client.request(Method::POST, &format!("{PATH}/recovery-codes"));
        self.client.send(request).await?.data()
    }

    /// Takes the second factor away.
    ///
    /// # Errors
    /// `NotFound` where there is none, `Forbidden` with code `step_up_required`, and what [`Client`] lists.
    pub async fn disable(self) -> Result<()> {
        self.client.send(self.client.request(Method::DELETE, PATH)).await?.nothing()
    }
}
