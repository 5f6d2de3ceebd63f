//! The outside number, as normalised at receipt.

use calltrail_aircall::receive;

use crate::sample::call_event;

fn check(raw_digits: &str, country: &str, expect: Option<&str>) {
    let fields = format!(r#""raw_digits":{raw_digits},"number":{{"id":1,"country":{country}}}"#);
    let body = call_event("call.created", &fields);
    let received = receive(body.as_bytes()).expect("the body keeps the bounds");
    let number = received.into_event().number;
    assert_eq!(number.as_ref().map(|number| number.as_str()), expect, "{raw_digits} over {country}");
}

#[test]
fn a_number_for_people_loses_its_spaces() {
    check(r#""+44 7700 900123""#, r#""FR""#, Some("+447700900123"));
    check(r#""+1 202-555-0143""#, "null", Some("+12025550143"));
    check(r#"" +33 (0)1 42 68 53 00""#, "null", Some("+33142685300"));
}

#[test]
fn a_leading_zero_that_belongs_to_the_number_stays() {
    check(r#""+39 06 698 12345""#, "null", Some("+390669812345"));
    check(r#""+225 07 07 12 34 56""#, "null", Some("+2250707123456"));
}

#[test]
fn a_national_number_is_understood_where_the_line_is() {
    check(r#""01632 960001""#, r#""GB""#, Some("+441632960001"));
    check(r#""01632 960001""#, r#""gb""#, Some("+441632960001"));
    check(r#""0033 1 42 68 53 00""#, r#""GB""#, Some("+33142685300"));
    check(r#""01632 960001""#, "null", None);
    check(r#""01632 960001""#, r#""Atlantis""#, None);
}

#[test]
fn a_number_that_is_no_text_counts_as_its_digits() {
    check("447700900123", r#""GB""#, Some("+447700900123"));
}

#[test]
fn a_withheld_or_unreadable_number_is_none() {
    for none in [
        r#""anonymous""#,
        r#""Anonymous""#,
        r#""ANONYMOUS""#,
        r#""""#,
        r#""  ""#,
        "null",
        "{}",
        "[]",
        "true",
        r#""+44""#,
        r#""112""#,
        r#""+99999999999999999999""#,
        r#""+266696687""#,
        r#""\ud83d""#,
        "1e999",
    ] {
        check(none, r#""GB""#, None);
    }
    let long = format!("\"+44{}\"", "1".repeat(100_000));
    check(&long, r#""GB""#, None);
}

#[test]
fn a_call_without_the_field_has_no_number() {
    for body in [call_event("call.created", ""), r#"{"event":"call.created"}"#.to_owned()] {
        assert_eq!(receive(body.as_bytes()).unwrap().into_event().number, None);
    }
}
