//! The failing list as a table for people.

use std::fmt::Write as _;

use serde_json::Value;

/// A failing list (the answer of `GET /duty/failing`) as text: one line an enterprise, one line
/// each of its reasons.
pub fn table(failing: &Value) -> String {
    let number = |name: &str| {
        failing
            .get(name)
            .and_then(Value::as_u64)
            .unwrap_or_default()
    };
    let mut out = format!(
        "{} of {} enterprises fail their monitoring duty\n",
        number("enterprises_failing"),
        number("enterprises_total"),
    );
    for item in list(failing, "items") {
        let of = |pointer| item.pointer(pointer).and_then(Value::as_str).unwrap_or("");
        let vehicles = item
            .get("vehicles")
            .and_then(Value::as_u64)
            .unwrap_or_default();
        line(
            &mut out,
            format_args!(
                "\n{}  {}  ({vehicles} vehicles, since {})",
                of("/enterprise/id"),
                of("/enterprise/name"),
                of("/failing_since"),
            ),
        );
        for reason in list(item, "reasons") {
            let of = |name| reason.get(name).and_then(Value::as_str).unwrap_or("");
            let value = |name| reason.get(name).map_or_else(String::new, Value::to_string);
            let mark = match reason.get("statutory").and_then(Value::as_bool) {
                Some(true) => ", statutory",
                _ => "",
            };
            line(
                &mut out,
                format_args!(
                    "  {}  {} {}: {} against {} {}{mark}",
                    of("rule"),
                    of("title"),
                    of("title_zh"),
                    value("value"),
                    value("threshold"),
                    of("unit"),
                ),
            );
        }
    }
    out
}

fn line(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    if out.write_fmt(text).is_ok() {
        out.push('\n');
    }
}

fn list<'v>(value: &'v Value, name: &str) -> &'v [Value] {
    let list = value.get(name).and_then(Value::as_array);
    list.map_or(&[], Vec::as_slice)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_enterprise_has_its_reasons_below_it() {
        let failing = serde_json::json!({
            "enterprises_total": 12, "enterprises_failing": 1,
            "items": [{"enterprise": {"id": "E03", "name": "石桥客运"}, "vehicles": 12,
                "failing_since": "2026-06-15T00:00:00+08:00",
                "reasons": [{"rule": "N1", "title": "Too few monitors", "title_zh": "监控员不足",
                    "statutory": true, "value": 1.0, "threshold": 2.0, "unit": "monitors"}]}]
        });
        assert_eq!(
            table(&failing),
            "1 of 12 enterprises fail their monitoring duty\n\n\
             E03  石桥客运  (12 vehicles, since 2026-06-15T00:00:00+08:00)\n  \
             N1  Too few monitors 监控员不足: 1.0 against 2.0 monitors, statutory\n"
        );
    }
}
