//! `/api/v1/tenant/mail-templates`

use crate::app::App;
use crate::extract::{Authenticated, Json, NoQuery, Paths};
use crate::openapi::{Routes, about};
use crate::routes::{Answer, answer, commit_gone, commit_with};
use axum::extract::State;
use axum::http::StatusCode;
use mono_auth::axum::ApiError;
use mono_core::Error;
use mono_core::api::mail_templates::{MailPreview, MailTemplateView, PutMailTemplate};
use mono_core::caller::Caller;
use mono_core::model::mail::{MailKind, MailTemplate};
use mono_core::model::tenant::Tenant;
use mono_core::permission;
use mono_core::permission::Permission;
use mono_core::text::Locale;
use mono_storage::store::Put;
use serde_json::{Value, json};

const READ: Permission = permission!("tenant.settings.read");
const UPDATE: Permission = permission!("tenant.settings.update");

pub(crate) fn routes() -> Routes {
    Routes::new()
        .get("/", list, about("List the tenant's own mail templates").needs(READ))
        .get(
            "/{kind}/{locale}",
            read,
            about("Read the mail template in force")
                .needs(READ)
                .says("Where the tenant has none of its own, the one that is built in."),
        )
        .put(
            "/{kind}/{locale}",
            put,
            about("Put a mail template in place")
                .needs(READ)
                .needs(UPDATE)
                .example(example())
                .answers::<200, MailTemplate>(),
        )
        .delete(
            "/{kind}/{locale}",
            delete,
            about("Go back to the mail template that is built in").needs(UPDATE),
        )
        .post(
            "/{kind}/{locale}/preview",
            preview,
            about("Try a mail template out").needs(READ).example(example()),
        )
}

fn example() -> Value {
    json!({
        "subject": "Sign in to {{ tenant.name }}",
        "html": "<mjml><mj-body><mj-section><mj-column><mj-text>{{ link }}</mj-text>\
            </mj-column></mj-section></mj-body></mjml>",
        "plain": "{{ link }}",
    })
}

async fn list(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    _: NoQuery,
) -> Result<Answer<Vec<MailTemplate>>, ApiError> {
    let mut tx = app.database.tenant(&caller).read().await?;
    Ok(answer(tx.mail_templates().list().await?))
}

async fn read(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Paths(kind, locale): Paths<MailKind, Locale>,
) -> Result<Answer<MailTemplateView>, ApiError> {
    let mut tx = app.database.tenant(&caller).read().await?;
    let own = tx.mail_templates().find(kind, &locale).await?;
    let built_in = own.is_none();
    let template = own.map_or_else(|| app.mailer.builtin_template(kind, &locale), Ok)?;
    Ok(answer(MailTemplateView { template, built_in }))
}

async fn put(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Paths(kind, locale): Paths<MailKind, Locale>,
    Json(body): Json<PutMailTemplate>,
) -> Result<(StatusCode, Answer<MailTemplate>), ApiError> {
    let template = body.parse(kind, locale)?;
    app.mailer.check(&template, &tenant(&app, &caller).await?)?;
    let mut tx = app.database.tenant(&caller).write().await?;
    let put = tx.mail_templates().put(&template).await?;
    let status = if put == Put::Created { StatusCode::CREATED } else { StatusCode::OK };
    commit_with(tx, status, template).await
}

async fn delete(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Paths(kind, locale): Paths<MailKind, Locale>,
) -> Result<StatusCode, ApiError> {
    let mut tx = app.database.tenant(&caller).write().await?;
    tx.mail_templates().delete(kind, &locale).await?;
    commit_gone(tx).await
}

async fn preview(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Paths(kind, locale): Paths<MailKind, Locale>,
    Json(body): Json<PutMailTemplate>,
) -> Result<Answer<MailPreview>, ApiError> {
    let template = body.parse(kind, locale)?;
    Ok(answer(app.mailer.preview(&template, &tenant(&app, &caller).await?)?))
}

/// The tenant whose name and colours a template is tried out with.
async fn tenant(app: &App, caller: &Caller) -> Result<Tenant, Error> {
    let mut tx = app.database.platform(caller).write().await?;
    let tenant = tx.tenants().own().await?;
    tx.commit().await?;
    Ok(tenant)
}
