//! Post checks (查岗): one row for each enterprise asked.

use std::collections::BTreeSet;

use serde_json::json;
use sqlx::AnyConnection;
use sqlx::any::AnyRow;

use super::changes::{self, ChangeKind, NewChange};
use super::engine::map_error;
use super::registry::each;
use super::rows::Columns as _;
use super::statement::{Bulk, Select};
use super::violations::like_prefix;
use super::{Listed, Page, Store, StoreError};
use crate::model::duty::{Inquiry, InquiryAnswer};
use crate::model::{Region, Span, Timestamp};

/// Which inquiries are wanted; what is `None` does not narrow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InquiryFilter {
    /// Of this enterprise.
    pub enterprise_id: Option<String>,
    /// Of enterprises in this region.
    pub region: Option<Region>,
    /// Sent at or after.
    pub from: Option<Timestamp>,
    /// Sent before.
    pub to: Option<Timestamp>,
    /// With or without an answer.
    pub answered: Option<bool>,
}

/// Columns of [`inquiry`].
const INQUIRIES: &str = "SELECT id, enterprise_id, question, sent_at, answer_within_ms,
        answered_at, answer, responder, phone
    FROM inquiries WHERE";

const KNOWN: Bulk = Bulk {
    head: "SELECT id FROM enterprises WHERE id IN (",
    row: "$1",
    width: 1,
    tail: ")",
};

const INSERT: Bulk = Bulk {
    head: "INSERT INTO inquiries (id, enterprise_id, question, sent_at, answer_within_ms) VALUES ",
    row: "($1, $2, $3, $4, $5)",
    width: 5,
    tail: "",
};

impl Store {
    /// Records inquiries as sent, all or none; answers in them are not looked at.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] for an unknown enterprise; [`StoreError::Conflict`] for an
    /// identifier that is taken.
    pub async fn insert_inquiries(&self, inquiries: &[Inquiry]) -> Result<(), StoreError> {
        let mut transaction = self.database().begin_write().await?;
        let asked: BTreeSet<&str> = inquiries.iter().map(|i| i.enterprise_id.as_str()).collect();
        let asked: Vec<&str> = asked.into_iter().collect();
        let known = KNOWN
            .fetch(&mut transaction, &asked, |values, id| {
                values.add(*id);
            })
            .await?;
        if known.len() < asked.len() {
            return Err(StoreError::NotFound);
        }
        INSERT
            .execute(&mut transaction, inquiries, |values, inquiry| {
                values
                    .add(inquiry.id.as_str())
                    .add(inquiry.enterprise_id.as_str())
                    .add(inquiry.question.as_str())
                    .time(inquiry.sent_at)
                    .add(inquiry.answer_within.millis());
            })
            .await?;
        log(&mut transaction, inquiries, |inquiry| inquiry.sent_at).await?;
        transaction.commit().await.map_err(map_error)
    }

    /// Records the answer to an inquiry; the inquiry with it. Whether it is in time is for the
    /// duty rules to say.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Conflict`] when there is an answer.
    pub async fn answer_inquiry(
        &self,
        id: &str,
        answer: &InquiryAnswer,
    ) -> Result<Inquiry, StoreError> {
        let mut transaction = self.database().begin_write().await?;
        let written = sqlx::query(
            "UPDATE inquiries SET answered_at = $1, answer = $2, responder = $3, phone = $4
             WHERE id = $5 AND answered_at IS NULL",
        )
        .bind(answer.answered_at.millis())
        .bind(answer.answer.as_str())
        .bind(answer.responder.as_str())
        .bind(answer.phone.as_str())
        .bind(id)
        .execute(&mut *transaction)
        .await
        .map_err(map_error)?;
        let rows = Select::new(INQUIRIES)
            .with("id = {}", id)
            .fetch(&mut *transaction)
            .await?;
        let inquiry = each(&rows, inquiry)?.pop().ok_or(StoreError::NotFound)?;
        if written.rows_affected() == 0 {
            return Err(StoreError::conflict("the inquiry has been answered"));
        }
        log(&mut transaction, std::slice::from_ref(&inquiry), |_| {
            answer.answered_at
        })
        .await?;
        transaction.commit().await.map_err(map_error)?;
        Ok(inquiry)
    }

    /// Inquiries, last sent first; the cursor is time and identifier.
    ///
    /// # Errors
    /// As the database says.
    pub async fn list_inquiries(
        &self,
        filter: &InquiryFilter,
        page: &Page<(Timestamp, String)>,
    ) -> Result<Listed<Inquiry, (Timestamp, String)>, StoreError> {
        let region = filter.region.as_ref().map(like_prefix);
        let mut select = Select::new(INQUIRIES)
            .with(
                "sent_at >= {}",
                filter.from.unwrap_or(Timestamp::MIN).millis(),
            )
            .with_some("AND sent_at < {}", filter.to.map(Timestamp::millis))
            .with_some("AND enterprise_id = {}", filter.enterprise_id.as_deref())
            .with_some(
                "AND enterprise_id IN (SELECT id FROM enterprises WHERE region LIKE {})",
                region,
            );
        if let Some(answered) = filter.answered {
            select = select.plain(if answered {
                "AND answered_at IS NOT NULL"
            } else {
                "AND answered_at IS NULL"
            });
        }
        if let Some((at, id)) = &page.after {
            select = select
                .with("AND (sent_at, id) < ({},", at.millis())
                .with("{})", id.as_str());
        }
        let rows = select
            .with(
                "ORDER BY sent_at DESC, id DESC LIMIT {}",
                page.rows_and_one(),
            )
            .fetch(self.read())
            .await?;
        let items = each(&rows, inquiry)?;
        Ok(Listed::cut(items, page, |item| {
            (item.sent_at, item.id.clone())
        }))
    }
}

async fn log(
    connection: &mut AnyConnection,
    inquiries: &[Inquiry],
    at: impl Fn(&Inquiry) -> Timestamp,
) -> Result<(), StoreError> {
    let changes: Vec<NewChange> = inquiries
        .iter()
        .map(|inquiry| NewChange {
            at: at(inquiry),
            kind: ChangeKind::Inquiry,
            key: inquiry.id.clone(),
            body: body(inquiry).to_string(),
        })
        .collect();
    changes::append(connection, &changes).await
}

fn body(inquiry: &Inquiry) -> serde_json::Value {
    let answer = inquiry.answer.as_ref();
    json!({
        "type": "inquiry", "id": inquiry.id, "enterprise_id": inquiry.enterprise_id,
        "question": inquiry.question, "sent_at": inquiry.sent_at.millis(),
        "answer_within_ms": inquiry.answer_within.millis(),
        "answered_at": answer.map(|answer| answer.answered_at.millis()),
        "answer": answer.map(|answer| &answer.answer),
        "responder": answer.map(|answer| &answer.responder),
        "phone": answer.map(|answer| &answer.phone),
    })
}

/// Columns: id, `enterprise_id`, question, `sent_at`, `answer_within_ms`, `answered_at`, answer,
/// responder, phone.
pub(super) fn inquiry(row: &AnyRow) -> Result<Inquiry, StoreError> {
    let answer = match row.time_opt(5)? {
        Some(answered_at) => Some(InquiryAnswer {
            answered_at,
            answer: row.text_opt(6)?.unwrap_or_default(),
            responder: row.text_opt(7)?.unwrap_or_default(),
            phone: row.text_opt(8)?.unwrap_or_default(),
        }),
        None => None,
    };
    Ok(Inquiry {
        id: row.text(0)?,
        enterprise_id: row.text(1)?,
        question: row.text(2)?,
        sent_at: row.time(3)?,
        answer_within: Span::from_millis(row.int(4)?),
        answer,
    })
}
