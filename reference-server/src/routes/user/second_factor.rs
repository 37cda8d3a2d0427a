//! `/api/v1/user/second-factor` and `/api/v1/user/step-up`

use crate::app::App;
use crate::extract::Json;
use crate::openapi::{Routes, about};
use crate::routes::{Answer, Unkept, answer};
use axum::extract::State;
use axum::http::StatusCode;
use mono_auth::StepUp;
use mono_auth::axum::{ApiError, Person};
use mono_core::ErrorKind;
use mono_core::api::second_factor::{
    ConfirmSecondFactor, EnrolmentResponse, RecoveryCodesResponse, SecondFactorResponse, StepUpRequest,
    StepUpResponse,
};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .get("/second-factor", state, about("Read whether the caller has a second factor"))
        .post(
            "/second-factor",
            enrol,
            about("Begin with a second factor")
                .says("It counts once it is confirmed with a code. Needs a fresh sign-in.")
                .fails(ErrorKind::NotFound),
        )
        .delete(
            "/second-factor",
            disable,
            about("Give up the second factor").says("Needs a fresh sign-in.").fails(ErrorKind::NotFound),
        )
        .post(
            "/second-factor/confirm",
            confirm,
            about("Confirm the second factor with a code")
                .says("The recovery codes stand in this answer and nowhere else.")
                .example(json!({"code": "123456"}))
                .fails(ErrorKind::NotFound),
        )
        .post(
            "/second-factor/recovery-codes",
            renew,
            about("Make new recovery codes").says("Needs a fresh sign-in.").fails(ErrorKind::NotFound),
        )
        .post(
            "/step-up",
            step_up,
            about("Prove again who one is")
                .says("Dangerous permissions may be used for a while after it.")
                .example(json!({"password": "correct horse battery staple"})),
        )
}

async fn state(
    State(app): State<App>,
    Person(caller): Person,
) -> Result<Unkept<SecondFactorResponse>, ApiError> {
    let state = app.authenticator.second_factor(&caller).await?;
    let (enabled_at, recovery_codes_left) = (state.since, state.recovery_codes_left);
    Ok(Unkept(SecondFactorResponse { enabled_at, recovery_codes_left }))
}

async fn enrol(
    State(app): State<App>,
    Person(caller): Person,
) -> Result<(StatusCode, Answer<EnrolmentResponse>), ApiError> {
    let enrolment = app.authenticator.enrol_second_factor(&caller).await?;
    let response = EnrolmentResponse {
        uri: enrolment.uri.expose_secret().to_owned(),
        secret: enrolment.secret.expose_secret().to_owned(),
    };
    Ok((StatusCode::CREATED, answer(response)))
}

async fn confirm(
    State(app): State<App>,
    Person(caller): Person,
    Json(given): Json<ConfirmSecondFactor>,
) -> Result<Answer<RecoveryCodesResponse>, ApiError> {
    Ok(codes(app.authenticator.confirm_second_factor(&caller, &given.code).await?))
}

async fn renew(
    State(app): State<App>,
    Person(caller): Person,
) -> Result<Answer<RecoveryCodesResponse>, ApiError> {
    Ok(codes(app.authenticator.renew_recovery_codes(&caller).await?))
}

fn codes(codes: Vec<SecretString>) -> Answer<RecoveryCodesResponse> {
    let recovery_codes = codes.iter().map(|code| code.expose_secret().to_owned()).collect();
    answer(RecoveryCodesResponse { recovery_codes })
}

async fn disable(State(app): State<App>, Person(caller): Person) -> Result<StatusCode, ApiError> {
    app.authenticator.disable_second_factor(&caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn step_up(
    State(app): State<App>,
    Person(caller): Person,
    Json(given): Json<StepUpRequest>,
) -> Result<Answer<StepUpResponse>, ApiError> {
    let given = StepUp { password: given.password.map(SecretString::from), code: given.code };
    let fresh_until = app.authenticator.step_up(&caller, given).await?;
    Ok(answer(StepUpResponse { fresh_until }))
}
