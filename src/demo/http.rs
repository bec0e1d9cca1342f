//! The HTTP face of the people in the demo: JSON in, JSON out, over one kept connection.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::{Context as _, bail};
use serde_json::Value;

/// Longest wait for one answer.
const ANSWER_WITHIN: Duration = Duration::from_mins(1);

/// A client of the API.
#[derive(Clone, Debug)]
pub(super) struct Http {
    agent: ureq::Agent,
    base: String,
}

/// An answer: its status and its body.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) text: String,
}

impl Answer {
    /// The body as JSON; an error when the request was not served.
    pub(super) fn json(&self) -> anyhow::Result<Value> {
        if !(200..300).contains(&self.status) {
            bail!("status {}: {}", self.status, self.text);
        }
        serde_json::from_str(&self.text).context("the answer is not JSON")
    }
}

impl Http {
    pub(super) fn new(address: SocketAddr) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(ANSWER_WITHIN))
            .http_status_as_error(false)
            .build();
        Self {
            agent: config.into(),
            base: format!("http://{address}"),
        }
    }

    /// The address of a path, as it is to be typed.
    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    pub(super) async fn get(&self, path: &str) -> anyhow::Result<Answer> {
        let (agent, url) = (self.agent.clone(), self.url(path));
        blocking(path, move || read(agent.get(url).call()?)).await
    }

    pub(super) async fn post(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        let (agent, url, body) = (self.agent.clone(), self.url(path), body.to_string());
        blocking(path, move || {
            let request = agent.post(url).header("content-type", "application/json");
            read(request.send(body)?)
        })
        .await
    }

    pub(super) async fn patch(&self, path: &str, body: &Value) -> anyhow::Result<Answer> {
        let (agent, url, body) = (self.agent.clone(), self.url(path), body.to_string());
        blocking(path, move || {
            let request = agent.patch(url).header("content-type", "application/json");
            read(request.send(body)?)
        })
        .await
    }
}

async fn blocking(
    path: &str,
    request: impl FnOnce() -> Result<Answer, ureq::Error> + Send + 'static,
) -> anyhow::Result<Answer> {
    let answer = tokio::task::spawn_blocking(request).await?;
    answer.with_context(|| format!("request of {path}"))
}

fn read(mut response: ureq::http::Response<ureq::Body>) -> Result<Answer, ureq::Error> {
    Ok(Answer {
        status: response.status().as_u16(),
        text: response.body_mut().read_to_string()?,
    })
}

/// A value of a query, with everything but letters, digits and `-._~` escaped.
pub(super) fn escaped(value: &str) -> String {
    let mut text = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push('%');
            for digit in [byte >> 4, byte & 15] {
                text.extend(char::from_digit(u32::from(digit), 16).map(|c| c.to_ascii_uppercase()));
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plates_and_offsets_are_escaped() {
        assert_eq!(escaped("湘FK1001"), "%E6%B9%98FK1001");
        assert_eq!(
            escaped("2026-11-21T00:00:00+08:00"),
            "2026-11-21T00%3A00%3A00%2B08%3A00"
        );
    }
}
