//! `/api/v1/tenant/audit`

use crate::app::App;
use crate::extract::{Authenticated, Query};
use crate::openapi::{Routes, about};
use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use axum::response::{IntoResponse, Response};
use futures_util::stream;
use mono_auth::axum::ApiError;
use mono_core::Error;
use mono_core::api::audit::{ExportAudit, ExportFormat, ListAudit, ScrollAudit};
use mono_core::api::envelope::Success;
use mono_core::audit::{AuditEntry, AuditFilter};
use mono_core::caller::Caller;
use mono_core::id::AuditId;
use mono_core::page::{Page, Slice};
use mono_core::permission;
use mono_core::time::Timestamp;
use mono_storage::db::Database;

pub(crate) fn routes() -> Routes {
    Routes::new()
        .get(
            "/",
            list,
            about("List the audit log of the tenant, newest first").needs(permission!("tenant.audit.read")),
        )
        .get(
            "/by-cursor",
            scroll,
            about("List the audit log of the tenant, newest first, by cursor")
                .needs(permission!("tenant.audit.read")),
        )
        .get(
            "/export",
            export,
            about("Export the audit log of the tenant, oldest first")
                .needs(permission!("tenant.audit.export"))
                .answers_text(&["text/csv", "application/jsonl"]),
        )
}

async fn list(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Query(query): Query<ListAudit>,
) -> Result<Json<Success<Page<AuditEntry>>>, ApiError> {
    let (page, filter) = query.parse()?;
    let mut tx = app.database.tenant(&caller).read().await?;
    Ok(Json(Success::new(tx.audit_log().list(&filter, page).await?)))
}

async fn scroll(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Query(query): Query<ScrollAudit>,
) -> Result<Json<Success<Slice<AuditEntry>>>, ApiError> {
    let (slice, filter) = query.parse()?;
    let mut tx = app.database.tenant(&caller).read().await?;
    Ok(Json(Success::new(tx.audit_log().list_after(&filter, slice).await?)))
}

async fn export(
    State(app): State<App>,
    Authenticated(caller): Authenticated,
    Query(query): Query<ExportAudit>,
) -> Result<Response, ApiError> {
    let (format, mut filter) = query.parse()?;
    let mut tx = app.database.tenant(&caller).write().await?;
    tx.audit_log().export(&filter).await?;
    tx.commit().await?;
    // Up to now: a log that grows as fast as it is read would never end.
    filter.until.get_or_insert(app.database.now());
    let (kind, name) = match format {
        ExportFormat::Csv => ("text/csv; charset=utf-8", "attachment; filename=\"audit.csv\""),
        _ => ("application/jsonl", "attachment; filename=\"audit.jsonl\""),
    };
    let export = Export { database: app.database, caller, filter, format, state: Progress::Begun };
    let body = Body::from_stream(stream::try_unfold(export, Export::next));
    let headers = [(CONTENT_TYPE, kind), (CONTENT_DISPOSITION, name), (X_CONTENT_TYPE_OPTIONS, "nosniff")];
    Ok((headers, body).into_response())
}

/// An export on its way. Each batch is read in a transaction of its own: who reads slowly holds no connection.
struct Export {
    database: Database,
    caller: Caller,
    filter: AuditFilter,
    format: ExportFormat,
    state: Progress,
}

enum Progress {
    Begun,
    After(Timestamp, AuditId),
    Ended,
}

impl Export {
    async fn next(mut self) -> Result<Option<(Vec<u8>, Self)>, Error> {
        let after = match self.state {
            Progress::Begun => None,
            Progress::After(at, id) => Some((at, id)),
            Progress::Ended => return Ok(None),
        };
        let mut tx = self.database.tenant(&self.caller).read().await?;
        let entries = tx.audit_log().export_batch(&self.filter, after).await?;
        drop(tx);
        let text = match self.format {
            ExportFormat::Csv => csv(&entries, after.is_none())?,
            _ => jsonl(&entries)?,
        };
        self.state = entries.last().map_or(Progress::Ended, |last| Progress::After(last.at, last.id));
        Ok(Some((text, self)))
    }
}

fn jsonl(entries: &[AuditEntry]) -> Result<Vec<u8>, Error> {
    let mut text = Vec::new();
    for entry in entries {
        serde_json::to_writer(&mut text, entry).map_err(Error::internal)?;
        text.push(b'\n');
    }
    Ok(text)
}

const HEAD: [&str; 11] = [
    "sequence",
    "id",
    "at",
    "actor",
    "action",
    "entity",
    "entityId",
    "changes",
    "ipAddress",
    "userAgent",
    "correlationId",
];

fn csv(entries: &[AuditEntry], with_head: bool) -> Result<Vec<u8>, Error> {
    let mut table = csv::WriterBuilder::new().terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    if with_head {
        table.write_record(HEAD).map_err(Error::internal)?;
    }
    for entry in entries {
        let changes = serde_json::to_string(&entry.changes).map_err(Error::internal)?;
        let cells = [
            entry.sequence.map(|sequence| sequence.to_string()).unwrap_or_default(),
            entry.id.to_string(),
            entry.at.to_rfc3339(),
            entry.actor.clone(),
            entry.action.to_string(),
            entry.entity.clone(),
            entry.entity_id.map(|id| id.to_string()).unwrap_or_default(),
            changes,
            entry.ip_address.clone().unwrap_or_default(),
            entry.user_agent.clone().unwrap_or_default(),
            entry.correlation_id.clone().unwrap_or_default(),
        ];
        table.write_record(cells.map(harmless)).map_err(Error::internal)?;
    }
    table.into_inner().map_err(|error| Error::internal(error.to_string()))
}

/// A spreadsheet takes a cell that begins like this for a formula, and a user agent is what a stranger wrote.
fn harmless(cell: String) -> String {
    if cell.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{cell}") } else { cell }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula() {
        for cell in ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"] {
            assert_eq!(harmless(cell.into()), format!("'{cell}"));
        }
        assert_eq!(harmless("user:1".into()), "user:1");
        assert_eq!(harmless(String::new()), "");
    }

    #[test]
    fn a_table_has_a_head_and_quotes_what_it_must() {
        let entry = AuditEntry {
            id: AuditId::from_u128(1),
            sequence: Some(7),
            at: "2026-01-02T03:04:05Z".parse().unwrap(),
            actor: "user:1".into(),
            action: mono_core::audit::Action::Create,
            entity: "account".into(),
            entity_id: None,
            changes: Vec::new(),
            ip_address: None,
            user_agent: Some("=cmd|' /C calc'!A0,\"x\"\n".into()),
            correlation_id: None,
        };
        let text = String::from_utf8(csv(&[entry], true).unwrap()).unwrap();
        assert_eq!(
            text,
            "sequence,id,at,actor,action,entity,entityId,changes,ipAddress,userAgent,correlationId\r\n\
             7,00000000-0000-0000-0000-000000000001,2026-01-02T03:04:05+00:00,user:1,create,account,,[],,\
             \"'=cmd|' /C calc'!A0,\"\"x\"\"\n\",\r\n"
        );
    }
}
