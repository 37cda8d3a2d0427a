//! PostgreSQL: `pg_dump` copies, `pg_restore` and `psql` bring back.

use super::contents::Contents;
use super::programs::{Programs, Running};
use super::{Copy, blocking, in_use, refuse};
use crate::db::error::from_sqlx;
use crate::db::migration::connect_owner;
use crate::db::options::PostgresTarget;
use mono_core::{Error, ErrorKind};
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool};
use sqlx::{ConnectOptions, Connection, Row};
use std::fmt::Write as _;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

/// How often it is asked whether a program that was just stopped is gone, and how long it is waited in between.
const PATIENCE: (u32, Duration) = (50, Duration::from_millis(100));

/// What is not of an application: the schemas of the system, and what belongs to an extension, which brings it along.
macro_rules! of_application {
    () => {
        "n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast') AND n.nspname !~ '^pg_(toast_)?temp_'
         AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = c.oid
                         AND d.deptype = 'e')"
    };
}

/// Every table and sequence, whether the login may read it, and whether it sees all of its rows: no policy, or the one
/// that lets the platform see everything.
const READABLE: &str = concat!(
    "SELECT NULLIF(n.nspname, 'public')::text AS schema, c.relname::text AS name, c.relkind = 'r' AS has_rows,
            CASE WHEN NOT has_schema_privilege(n.oid, 'USAGE') THEN false
                 WHEN c.relkind = 'S' THEN has_sequence_privilege(c.oid, 'SELECT')
                 ELSE has_table_privilege(c.oid, 'SELECT') END AS readable,
            NOT c.relrowsecurity
            OR (EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND p.polpermissive AND p.polcmd IN ('*', 'r')
                        AND 'mono_platform'::regrole::oid = ANY (p.polroles) AND pg_get_expr(p.polqual, p.polrelid) = 'true')
                AND NOT EXISTS (SELECT FROM pg_policy p WHERE p.polrelid = c.oid AND NOT p.polpermissive
                                AND p.polcmd IN ('*', 'r'))) AS whole
     FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p', 'S') AND ",
    of_application!(),
    " ORDER BY n.nspname, c.relname"
);

/// What a database holds already.
const HELD: &str = concat!(
    "SELECT c.relname::text FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
     WHERE c.relkind IN ('r', 'p', 'S', 'v', 'm', 'f') AND ",
    of_application!()
);

/// Dumps the database as the platform's login, which sees every row of every tenant and may change no table. The rows are
/// counted in the snapshot that is dumped.
pub(super) async fn copy(pool: &PgPool, file: &Path) -> Result<Contents, Error> {
    let login = pool.connect_options();
    // A connection of its own: those of the pool do not wait as long as a dump may take.
    let login =
        (*login).clone().options([("statement_timeout", "0"), ("idle_in_transaction_session_timeout", "0")]);
    let mut connection = login.connect().await.map_err(Error::unavailable)?;
    let (version, major) = server_version(&mut connection).await?;
    let begin = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";
    let mut transaction = connection.begin_with(begin).await.map_err(from_sqlx)?;
    let snapshot = sqlx::query_scalar("SELECT pg_export_snapshot()").fetch_one(&mut *transaction).await;
    let snapshot: String = snapshot.map_err(from_sqlx)?;
    let names = readable(&mut transaction).await?;
    let contents = contents!(&mut *transaction, version, names);
    let (programs, file) = (Programs::new(major, &login), file.to_owned());
    blocking(move || dump(&programs, &snapshot, &file)).await?;
    // The snapshot was there to the end.
    transaction.commit().await.map_err(from_sqlx)?;
    connection.close().await.map_err(from_sqlx)?;
    Ok(contents)
}

/// The version as a text, and its first number.
async fn server_version(connection: &mut PgConnection) -> Result<(String, u32), Error> {
    let text: String =
        sqlx::query_scalar("SHOW server_version").fetch_one(connection).await.map_err(from_sqlx)?;
    // `15.18 (Debian 15.18-0+deb12u1)`
    let number = text.split(' ').next().unwrap_or_default();
    Ok((number.to_owned(), major(number)?))
}

fn major(version: &str) -> Result<u32, Error> {
    let digits = version.split(|letter: char| !letter.is_ascii_digit()).next().unwrap_or_default();
    digits.parse().map_err(Error::internal)
}

/// The tables whose rows are to be counted. Refuses where some would be left out of the backup without a word.
async fn readable(connection: &mut PgConnection) -> Result<Vec<(Option<String>, String)>, Error> {
    let (mut tables, mut hidden) = (Vec::new(), Vec::new());
    for row in sqlx::query(READABLE).fetch_all(connection).await.map_err(from_sqlx)? {
        let of = |column: &str| row.try_get::<bool, _>(column).map_err(from_sqlx);
        let (schema, name): (Option<String>, String) =
            (row.try_get("schema").map_err(from_sqlx)?, row.try_get("name").map_err(from_sqlx)?);
        if !(of("readable")? && of("whole")?) {
            hidden.push(name);
        } else if of("has_rows")? {
            tables.push((schema, name));
        }
    }
    if hidden.is_empty() {
        return Ok(tables);
    }
    let message = format!(
        "the platform's login does not see everything, so a backup would not be whole: {}. GRANT SELECT ON … TO \
         mono_platform; with row-level security also CREATE POLICY platform_access ON … TO mono_platform USING (true)",
        hidden.join(", ")
    );
    Err(refuse("tables_hidden", message))
}

fn dump(programs: &Programs, snapshot: &str, file: &Path) -> Result<(), Error> {
    let mut command = programs.command("pg_dump")?;
    command.args(["--format=custom", "--no-password", "--lock-wait-timeout=60s"]);
    // Without this it refuses tables with policies; that none hides a row was looked at.
    command.args([
        "--enable-row-security",
        "--no-publications",
        "--no-subscriptions",
        "--no-security-labels",
    ]);
    command.arg(format!("--snapshot={snapshot}")).arg("--file").arg(file);
    Running::start("pg_dump", &mut command)?.wait()
}

/// Brings a dump back as the owner of the tables, in one transaction of `psql`: everything or nothing.
pub(super) async fn restore(
    target: &PostgresTarget,
    owner_url: Option<&str>,
    copy: Copy<'_>,
) -> Result<(), Error> {
    let mut connection = connect_owner(owner_url).await?;
    let owner = owner_of(target, owner_url.unwrap_or_default())?;
    let (version, number) = server_version(&mut connection).await?;
    if number < major(&copy.manifest.database_version)? {
        let message = format!(
            "the backup is of PostgreSQL {}, and the server is older: {version}",
            copy.manifest.database_version
        );
        return Err(refuse("backup_too_new", message));
    }
    let held = sqlx::query_scalar(HELD).fetch_all(&mut connection).await.map_err(from_sqlx)?;
    copy.admit(&held)?;
    require_stopped(&mut connection, target).await?;
    let prelude = prelude(&mut connection, copy.replace).await?;
    connection.close().await.map_err(from_sqlx)?;
    let script = Script {
        programs: Programs::new(number, &owner),
        data: copy.data.to_owned(),
        prelude,
        middle: middle(&copy),
    };
    blocking(move || script.run()).await
}

/// The owner's login, which is to be of the same database as the server's.
fn owner_of(target: &PostgresTarget, owner_url: &str) -> Result<PgConnectOptions, Error> {
    let owner: PgConnectOptions = owner_url.parse().map_err(from_sqlx)?;
    let (own, other) = (target.application.get_database(), owner.get_database());
    if own != other {
        let message = format!(
            "the owner's URL names the database {}, and the server's names {}",
            other.unwrap_or("of the login's name"),
            own.unwrap_or("of the login's name")
        );
        return Err(Error::invalid("owner_url", "other_database", message));
    }
    Ok(owner)
}

/// Refuses while a server is connected: what it keeps in memory would be of another time.
async fn require_stopped(connection: &mut PgConnection, target: &PostgresTarget) -> Result<(), Error> {
    const SERVERS: &str = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()
                           AND usename IN ($1, $2) AND pid <> pg_backend_pid()";
    let (tries, pause) = PATIENCE;
    let mut open = 0_i64;
    for _ in 0..tries {
        let servers = sqlx::query_scalar(SERVERS)
            .bind(target.application.get_username())
            .bind(target.platform.get_username());
        open = servers.fetch_one(&mut *connection).await.map_err(from_sqlx)?;
        if open == 0 {
            return Ok(());
        }
        tokio::time::sleep(pause).await;
    }
    Err(in_use(&format!("the logins of the server have {open} connections to the database")))
}

/// What comes before the data: the roles that its grants name, what a dump does not say of the database itself, and, where
/// something is replaced, its removal.
async fn prelude(connection: &mut PgConnection, replace: bool) -> Result<String, Error> {
    let mut text = String::from(
        "BEGIN; SET LOCAL lock_timeout = '10s'; SET LOCAL client_min_messages = warning;
         DO 'DECLARE role_name text; BEGIN
             FOREACH role_name IN ARRAY ARRAY[''mono_application'', ''mono_platform''] LOOP
                 IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = role_name) THEN
                     EXECUTE format(''CREATE ROLE %I NOLOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOBYPASSRLS'', role_name);
                 END IF;
             END LOOP;
             EXECUTE format(''REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC'', current_database());
         END';\n",
    );
    if replace {
        let schemas = sqlx::query_scalar::<_, String>(
            "SELECT quote_ident(nspname) FROM pg_namespace WHERE nspname <> 'information_schema' AND nspname !~ '^pg_'",
        );
        for schema in schemas.fetch_all(connection).await.map_err(from_sqlx)? {
            // Writing into a String cannot fail.
            let _ = writeln!(text, "DROP SCHEMA {schema} CASCADE;");
        }
        // As a new database has it.
        text.push_str(
            "CREATE SCHEMA public AUTHORIZATION pg_database_owner; GRANT USAGE ON SCHEMA public TO PUBLIC;
             COMMENT ON SCHEMA public IS 'standard public schema';\n",
        );
    }
    text.push_str("REVOKE CREATE ON SCHEMA public FROM PUBLIC;\n");
    Ok(text)
}

/// What comes between the rows and the policies, while the owner of the tables still sees all rows: their number is
/// compared, and what is to end ends.
fn middle(copy: &Copy<'_>) -> String {
    let mut text = String::from("SET search_path = pg_catalog, public;\n");
    for table in &copy.manifest.tables {
        let complaint = format!("the table {} has other rows than the manifest says", table.name);
        let compare = format!(
            "BEGIN IF (SELECT count(*) FROM {}) <> {} THEN RAISE EXCEPTION USING MESSAGE = '{}'; END IF; END",
            table.quoted(),
            table.rows,
            complaint.replace('\'', "''")
        );
        let _ = writeln!(text, "DO '{}';", compare.replace('\'', "''"));
    }
    for ending in copy.endings {
        let _ = writeln!(text, "{ending};");
    }
    text
}

/// A restore, as `psql` is told it.
struct Script {
    programs: Programs,
    data: PathBuf,
    prelude: String,
    middle: String,
}

impl Script {
    fn run(&self) -> Result<(), Error> {
        let mut command = self.programs.command("psql")?;
        command.args(["--no-psqlrc", "--quiet", "--no-password", "--set=ON_ERROR_STOP=1", "--file=-"]);
        command.stdin(Stdio::piped());
        let mut psql = Running::start("psql", &mut command)?;
        match self.tell(&mut psql) {
            // Where it ends before it hears of COMMIT, nothing has happened.
            Ok(()) => psql.wait(),
            Err(error) => Err(match psql.wait() {
                Err(own) if error.code() == UNHEARD => own,
                _ => error,
            }),
        }
        .map_err(|error| {
            let message = format!("PostgreSQL did not take the backup, and nothing was changed: {error}");
            Error::new(ErrorKind::Internal, "restore_failed", message).with_source(error)
        })
    }

    fn tell(&self, psql: &mut Running) -> Result<(), Error> {
        let mut stdin = psql.child().stdin.take().ok_or_else(|| Error::internal("psql has no input"))?;
        stdin.write_all(self.prelude.as_bytes()).map_err(unheard)?;
        self.pass(&["--section=pre-data", "--section=data"], &mut stdin)?;
        stdin.write_all(self.middle.as_bytes()).map_err(unheard)?;
        self.pass(&["--section=post-data"], &mut stdin)?;
        stdin.write_all(b"COMMIT;\n").map_err(unheard)
    }

    /// Lets psql hear some sections of the dump, and makes sure that it heard all of them.
    fn pass(&self, sections: &[&str], stdin: &mut impl Write) -> Result<(), Error> {
        let mut command = self.programs.command("pg_restore")?;
        command.args(["--file=-", "--no-owner", "--no-tablespaces"]).args(sections).arg(&self.data);
        command.stdout(Stdio::piped());
        let mut restore = Running::start("pg_restore", &mut command)?;
        let mut stdout =
            restore.child().stdout.take().ok_or_else(|| Error::internal("pg_restore has no output"))?;
        let mut buffer = vec![0; 1 << 16];
        loop {
            let read = stdout.read(&mut buffer).map_err(Error::internal)?;
            let Some(part) = buffer.get(..read).filter(|part| !part.is_empty()) else { break };
            stdin.write_all(part).map_err(unheard)?;
        }
        restore.wait()
    }
}

/// The code of what psql did not hear any more: it has ended, and says why itself.
const UNHEARD: &str = "psql_ended";

fn unheard(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Internal, UNHEARD, "psql has ended").with_source(error)
}
