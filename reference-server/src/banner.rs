//! What a person sees when the server is ready.

use crate::demo::Demo;
use std::net::SocketAddr;

/// The banner: address, database, and how to make the first call.
pub(crate) fn text(address: SocketAddr, database: &str, demo: Option<&Demo>) -> String {
    let url = format!("http://{address}");
    let mut lines =
        vec![format!("mono is ready at {url}   ({database}, version {})", env!("CARGO_PKG_VERSION"))];
    if let Some(demo) = demo {
        let password = &demo.password;
        lines.push(String::new());
        lines.push(format!("Demo logins, all with the password {password}"));
        for person in Demo::people() {
            let tenant = if person.tenant.is_empty() { "the platform" } else { person.tenant };
            lines.push(format!("  {:<22} {:<15} {tenant}", person.email, person.role));
        }
        lines.push(String::new());
        lines.push("Try it:".to_owned());
        let login = serde_json::json!({ "email": "tom@harbour.example", "password": password });
        lines.push(format!(
            "  TOKEN=$(curl -s {url}/api/v1/public/auth/login -H 'Content-Type: application/json' \\
    -d {} | sed 's/.*\"accessToken\":\"\\([^\"]*\\).*/\\1/')
  curl -s {url}/api/v1/tenant/accounts -H \"Authorization: Bearer $TOKEN\"",
            quoted(&login.to_string())
        ));
    }
    lines.join("\n")
}

/// One word for a shell, whatever it holds.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}
