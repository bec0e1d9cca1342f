//! The failing list for people: a table on a terminal, and one request to try.

use serde_json::Value;

use super::http::{Http, escaped};
use super::play::PlayTarget;
use crate::model::LocalZone;
use crate::model::duty::Period;

/// Most columns of a note that are shown.
const NOTE_WIDTH: usize = 78;
/// The reason that the request to try asks for: one enterprise, one piece of evidence.
const REASON_TO_TRY: &str = "N1";

/// The verdict at the end of the demo.
#[derive(Clone, Debug, PartialEq)]
pub struct Finale {
    /// The answer of `GET /duty/failing` for the period.
    pub failing: Value,
    /// The table, the request to try and its exact answer.
    pub text: String,
}

/// Asks the server for its verdict on the period and writes it down.
///
/// # Errors
/// When the server does not answer.
pub async fn finale(target: &PlayTarget, period: Period) -> anyhow::Result<Finale> {
    let http = Http::new(target.http);
    let zone = LocalZone::default();
    let path = format!(
        "/api/v1/duty/failing?from={}&to={}",
        escaped(&zone.rfc3339(period.from)),
        escaped(&zone.rfc3339(period.to))
    );
    let failing = http.get(&format!("{path}&limit=1000")).await?.json()?;
    let to_try = format!("{path}&reason={REASON_TO_TRY}");
    let answer = http.get(&to_try).await?;
    answer.json()?;
    let text = format!(
        "{}\n\nTry:\n  curl -s '{}'\nIt answers exactly:\n  {}\n",
        table(&failing),
        http.url(&to_try),
        answer.text.trim_end()
    );
    Ok(Finale { failing, text })
}

/// A table of the enterprises that fail their duty and why, from the answer of
/// `GET /duty/failing`; lines end without blanks, the last one without a line feed.
pub fn table(failing: &Value) -> String {
    let number = |key: &str| failing.get(key).and_then(Value::as_u64).unwrap_or(0);
    let text = |key: &str| failing.get(key).and_then(Value::as_str).unwrap_or("");
    let mut lines = vec![format!(
        "{} of {} enterprises fail their 24-hour monitoring duty, {} to {}:",
        number("enterprises_failing"),
        number("enterprises_total"),
        text("from"),
        text("to")
    )];
    let mut rows = vec![
        [
            "enterprise",
            "region",
            "vehicles",
            "rule",
            "value",
            "threshold",
            "reason",
            "evidence",
        ]
        .map(str::to_owned),
    ];
    let empty = Vec::new();
    let list = |value: Option<&Value>| value.and_then(Value::as_array).unwrap_or(&empty).clone();
    for item in list(failing.get("items")) {
        for (index, reason) in list(item.get("reasons")).iter().enumerate() {
            rows.push(row(&item, reason, index == 0));
        }
    }
    lines.extend(aligned(&rows));
    lines.push("* breaks a provision itself; the other thresholds are defaults".to_owned());
    lines.join("\n")
}

fn row(item: &Value, reason: &Value, first: bool) -> [String; 8] {
    let text = |value: Option<&Value>| value.and_then(Value::as_str).unwrap_or("").to_owned();
    let once = |cell: String| if first { cell } else { String::new() };
    let enterprise = |key: &str| text(item.pointer(&format!("/enterprise/{key}")));
    let vehicles = item
        .get("vehicles")
        .map_or_else(String::new, Value::to_string);
    let statutory = reason.get("statutory").and_then(Value::as_bool) == Some(true);
    let unit = text(reason.get("unit"));
    let title = format!(
        "{} {}",
        text(reason.get("title_zh")),
        text(reason.get("title"))
    );
    [
        once(format!("{} {}", enterprise("id"), enterprise("name"))),
        once(enterprise("region")),
        once(vehicles),
        format!(
            "{}{}",
            text(reason.get("rule")),
            if statutory { "*" } else { "" }
        ),
        measured(reason.get("value"), &unit),
        measured(reason.get("threshold"), &unit),
        title,
        proof(reason),
    ]
}

/// A number with its unit: a ratio as percent.
fn measured(value: Option<&Value>, unit: &str) -> String {
    match (value.and_then(Value::as_f64), unit) {
        (None, _) => "-".to_owned(),
        (Some(ratio), "ratio") => format!("{:.1} %", ratio * 100.0),
        (Some(number), _) => format!("{number} {unit}"),
    }
}

/// The first piece of evidence, and how many there are besides.
fn proof(reason: &Value) -> String {
    let Some(evidence) = reason.get("evidence").and_then(Value::as_array) else {
        return String::new();
    };
    let note = evidence
        .first()
        .and_then(|item| item.get("note"))
        .and_then(Value::as_str);
    let note = cut(note.unwrap_or(""), NOTE_WIDTH);
    match evidence.len() {
        0 | 1 => note,
        many => format!("{note} (+{})", many - 1),
    }
}

/// Rows with their columns below each other; numbers (vehicles, value, threshold) to the right.
fn aligned(rows: &[[String; 8]]) -> Vec<String> {
    let widths: [usize; 8] = std::array::from_fn(|column| {
        let cells = rows.iter().filter_map(|row| row.get(column));
        cells.map(|cell| width(cell)).max().unwrap_or(0)
    });
    rows.iter()
        .map(|row| {
            let mut line = String::new();
            for (column, (cell, wide)) in row.iter().zip(widths).enumerate() {
                let blanks = " ".repeat(wide - width(cell));
                if matches!(column, 2 | 4 | 5) {
                    line.push_str(&blanks);
                    line.push_str(cell);
                } else {
                    line.push_str(cell);
                    line.push_str(&blanks);
                }
                line.push_str("  ");
            }
            line.trim_end().to_owned()
        })
        .collect()
}

/// The beginning of a text, at most so many columns wide.
fn cut(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let mut kept = String::new();
    for letter in text.chars() {
        if width(&kept) + letter_width(letter) > columns - 1 {
            break;
        }
        kept.push(letter);
    }
    kept.push('…');
    kept
}

/// Columns of a text on a terminal.
fn width(text: &str) -> usize {
    text.chars().map(letter_width).sum()
}

/// Columns of a letter: two for Chinese and other full-width ones.
///
/// Source: Unicode East Asian Width, the ranges that are wide throughout.
const fn letter_width(letter: char) -> usize {
    match letter {
        '\u{1100}'..='\u{115f}'
        | '\u{2e80}'..='\u{303e}'
        | '\u{3041}'..='\u{a4cf}'
        | '\u{ac00}'..='\u{d7a3}'
        | '\u{f900}'..='\u{faff}'
        | '\u{fe30}'..='\u{fe6f}'
        | '\u{ff00}'..='\u{ff60}'
        | '\u{ffe0}'..='\u{ffe6}'
        | '\u{20000}'..='\u{3fffd}' => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn columns_stand_below_each_other_in_chinese_too() {
        let reason = |rule: &str, value: f64, unit: &str, statutory: bool| {
            json!({"rule": rule, "title": "Title", "title_zh": "标题", "statutory": statutory,
                "value": value, "threshold": 10, "unit": unit,
                "evidence": [{"note": "湘FK1001 drove"}, {"note": "again"}]})
        };
        let failing = json!({
        "from": "2026-11-13T00:00:00+08:00", "to": "2026-11-22T00:00:00+08:00",
        "enterprises_total": 12, "enterprises_failing": 2,
        "items": [
            {"enterprise": {"id": "E02", "name": "云溪运输", "region": "430691"}, "vehicles": 12,
             "reasons": [reason("N2", 131.0, "min", false), reason("N4", 0.5, "ratio", false)]},
            {"enterprise": {"id": "E3", "name": "短", "region": "430691"}, "vehicles": 9,
             "reasons": [reason("N1", 1.0, "monitors", true)]},
        ]});
        let expected = "\
2 of 12 enterprises fail their 24-hour monitoring duty, 2026-11-13T00:00:00+08:00 to 2026-11-22T00:00:00+08:00:
enterprise    region  vehicles  rule       value    threshold  reason      evidence
E02 云溪运输  430691        12  N2       131 min       10 min  标题 Title  湘FK1001 drove (+1)
                                N4        50.0 %     1000.0 %  标题 Title  湘FK1001 drove (+1)
E3 短         430691         9  N1*   1 monitors  10 monitors  标题 Title  湘FK1001 drove (+1)
* breaks a provision itself; the other thresholds are defaults";
        assert_eq!(table(&failing), expected);
    }

    #[test]
    fn long_notes_are_cut_by_columns() {
        assert_eq!(cut("超速超速", 8), "超速超速");
        assert_eq!(cut("超速超速", 7), "超速超…");
        assert_eq!(cut("超速超速", 6), "超速…");
    }

    #[test]
    fn anything_makes_a_table() {
        for odd in [
            json!(null),
            json!({"items": [{"reasons": [{}]}, 3]}),
            json!([]),
        ] {
            assert!(table(&odd).contains("enterprises fail"));
        }
    }
}
