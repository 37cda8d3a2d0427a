//! `/api/v1/user/second-factor` and `/api/v1/user/step-up`

use crate::app::App;
use crate::extract::Json;
use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use mono_auth::StepUp;
use mono_auth::axum::{ApiError, Person};
use mono_core::api::envelope::Success;
use mono_core::api::second_factor::{
    ConfirmSecondFactor, EnrolmentResponse, RecoveryCodesResponse, SecondFactorResponse, StepUpRequest,
    StepUpResponse,
};
use secrecy::{ExposeSecret, SecretString};

pub(crate) fn routes() -> Router<App> {
    Router::new()
        .route("/second-factor", get(state).post(enrol).delete(disable))
        .route("/second-factor/confirm", post(confirm))
        .route("/second-factor/recovery-codes", post(renew))
        .route("/step-up", post(step_up))
}

async fn state(
    State(app): State<App>,
    Person(caller): Person,
) -> Result<axum::Json<Success<SecondFactorResponse>>, ApiError> {
    let state = app.authenticator.second_factor(&caller).await?;
    let (enabled_at, recovery_codes_left) = (state.since, state.recovery_codes_left);
    Ok(axum::Json(Success::new(SecondFactorResponse { enabled_at, recovery_codes_left })))
}

async fn enrol(State(app): State<App>, Person(caller): Person) -> Result<impl IntoResponse, ApiError> {
    let enrolment = app.authenticator.enrol_second_factor(&caller).await?;
    let answer = EnrolmentResponse {
        uri: enrolment.uri.expose_secret().to_owned(),
        secret: enrolment.secret.expose_secret().to_owned(),
    };
    Ok((StatusCode::CREATED, axum::Json(Success::new(answer))))
}

async fn confirm(
    State(app): State<App>,
    Person(caller): Person,
    Json(given): Json<ConfirmSecondFactor>,
) -> Result<impl IntoResponse, ApiError> {
    Ok(codes(app.authenticator.confirm_second_factor(&caller, &given.code).await?))
}

async fn renew(State(app): State<App>, Person(caller): Person) -> Result<impl IntoResponse, ApiError> {
    Ok(codes(app.authenticator.renew_recovery_codes(&caller).await?))
}

fn codes(codes: Vec<SecretString>) -> impl IntoResponse {
    let recovery_codes = codes.iter().map(|code| code.expose_secret().to_owned()).collect();
    axum::Json(Success::new(RecoveryCodesResponse { recovery_codes }))
}

async fn disable(State(app): State<App>, Person(caller): Person) -> Result<StatusCode, ApiError> {
    app.authenticator.disable_second_factor(&caller).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn step_up(
    State(app): State<App>,
    Person(caller): Person,
    Json(given): Json<StepUpRequest>,
) -> Result<axum::Json<Success<StepUpResponse>>, ApiError> {
    let given = StepUp { password: given.password.map(SecretString::from), code: given.code };
    let fresh_until = app.authenticator.step_up(&caller, given).await?;
    Ok(axum::Json(Success::new(StepUpResponse { fresh_until })))
}
