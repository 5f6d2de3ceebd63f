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
    check(r#""1632 960001""#, r#""GB""#, Some("+441632960001"));
    check(r#""011 33 1 42 68 53 00""#, r#""US""#, Some("+33142685300"));
}

#[test]
fn national_number_of_an_unknown_country_keeps_its_digits() {
    check(r#""01632 960001""#, "null", Some("01632960001"));
    check(r#""01632 960001""#, r#""Atlantis""#, Some("01632960001"));
}

#[test]
fn country_of_the_line_is_known_by_its_number_too() {
    for line in [r#""digits":"+49 30 23125000""#, r#""country":"??","e164_digits":"+493023125000""#] {
        for (written, expect) in
            [("030 1234567", "+49301234567"), ("4915112345678", "+4915112345678"), ("116117", "116117")]
        {
            let fields = format!(r#""raw_digits":"{written}","number":{{"id":1,{line}}}"#);
            let received = receive(call_event("call.created", &fields).as_bytes()).expect("a webhook");
            let number = received.into_event().number.expect("a number");
            assert_eq!(number.as_str(), expect, "{line}");
        }
    }
}

#[test]
fn digits_that_are_valid_behind_a_plus_are_read_so() {
    check(r#""4915112345678""#, r#""DE""#, Some("+4915112345678"));
    check(r#""493023125000""#, r#""DE""#, Some("+493023125000"));
    check(r#""0033142685300""#, r#""DE""#, Some("+33142685300"));
    check(r#""393331234567""#, r#""IT""#, Some("+393331234567"));
    check(r#""33142685300""#, r#""GB""#, Some("+33142685300"));
    check(r#""33142685300""#, "null", Some("+33142685300"));
    check(r#""0033142685300""#, "null", Some("+33142685300"));
    check(r#""5215512345678""#, r#""MX""#, Some("+5215512345678"));
}

#[test]
fn national_digits_that_are_valid_at_home_stay_there() {
    check(r#""030 23125000""#, r#""DE""#, Some("+493023125000"));
    check(r#""3023125000""#, r#""DE""#, Some("+493023125000"));
    check(r#""3912345678""#, r#""IT""#, Some("+393912345678"));
    check(r#""5532123456""#, r#""BR""#, Some("+555532123456"));
    check(r#""(415) 555-0100""#, r#""US""#, Some("+14155550100"));
    check(r#""45 12 34 56""#, r#""DK""#, Some("+4545123456"));
}

#[test]
fn plus_and_seven_to_fifteen_digits_are_a_number() {
    for (written, expect) in [
        ("+52 1 55 1234 5678", "+5215512345678"),
        ("+52 1 81 1234 5678", "+5218112345678"),
        ("+225 07 12 34 56", "+22507123456"),
        ("+229 95 12 34 56", "+22995123456"),
        ("+999 1234567", "+9991234567"),
        ("+44 1234 5", "+4412345"),
        ("+1 2345 6789 0123 45", "+123456789012345"),
        ("00225 07 12 34 56", "+22507123456"),
        ("+00225 07 12 34 56", "+22507123456"),
    ] {
        for country in [r#""GB""#, r#""DE""#, "null"] {
            check(&format!("\"{written}\""), country, Some(expect));
        }
    }
}

#[test]
fn codes_without_an_e164_form_keep_their_digits() {
    for (written, expect) in [
        ("116117", "116117"),
        ("116 117", "116117"),
        ("3631", "3631"),
        ("112", "112"),
        ("+3631", "3631"),
        ("+44", "44"),
        ("7", "7"),
        ("*86", "*86"),
        ("*31#0123", "*31#0123"),
        ("+99999999999999999999", "99999999999999999999"),
    ] {
        check(&format!("\"{written}\""), r#""DE""#, Some(expect));
    }
    check(r#""555-0143""#, r#""US""#, Some("5550143"));
    check("3631", r#""GB""#, Some("3631"));
}

#[test]
fn any_digit_plus_dash_and_space_is_read() {
    for written in [
        "\u{202a}+44 7700 900123\u{202c}",
        "+44\u{a0}7700\u{202f}900\u{2011}123",
        "\u{ff0b}\u{ff14}\u{ff14}\u{3000}\u{ff17}\u{ff17}\u{ff10}\u{ff10}900123",
        "+\u{664}\u{664} \u{667}\u{667}\u{660}\u{660} 900123",
        "+\u{96a}\u{96a}\u{200b}7700900123",
        "sip:+447700900123@10.0.0.1;user=phone",
        "tel:+44-7700-900123",
        "+44 7700 900123 ext. 5",
    ] {
        check(&format!("\"{written}\""), "null", Some("+447700900123"));
    }
    check(r#""1-800-FLOWERS""#, r#""US""#, Some("+18003569377"));
}

#[test]
fn a_number_that_is_no_text_counts_as_its_digits() {
    check("447700900123", r#""GB""#, Some("+447700900123"));
    check("447700900123.0", r#""GB""#, Some("+447700900123"));
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
        r#""\ud83d""#,
        r#""\u200b""#,
        r#""unbekannt""#,
        r#""número oculto""#,
        r#""非通知""#,
        r#""sip:anonymous@10.1.1.1""#,
        r#""anonymous@anonymous.invalid""#,
        r#""room 12""#,
        "1e999",
    ] {
        check(none, r#""GB""#, None);
    }
    let long = format!("\"+44{}\"", "1".repeat(100_000));
    check(&long, r#""GB""#, None);
}

#[test]
fn zeros_are_a_withheld_number() {
    for zeros in ["0", "0000000000", "+000000000", "00 00 00 00 00", "+440000000000", "+10000000000", "0000"]
    {
        for country in [r#""GB""#, r#""US""#, "null"] {
            check(&format!("\"{zeros}\""), country, None);
        }
    }
    check(r#""+201000000000""#, "null", Some("+201000000000"));
    check(r#""08000000""#, r#""GB""#, Some("+448000000"));
}

#[test]
fn words_in_the_digits_of_a_keypad_are_withheld() {
    for word in ["266696687", "8656696", "7378742833", "86282452253", "7748483", "2562533"] {
        for prefix in ["", "+", "00", "+1", "1", "+44", "44", "0044"] {
            check(&format!("\"{prefix}{word}\""), r#""GB""#, None);
        }
        check(&format!("\"+{word}\""), "null", None);
    }
    check(r#""+33266696688""#, r#""GB""#, Some("+33266696688"));
    check(r#""+12025550143""#, r#""US""#, Some("+12025550143"));
}

#[test]
fn a_call_without_the_field_has_no_number() {
    for body in [call_event("call.created", ""), r#"{"event":"call.created"}"#.to_owned()] {
        assert_eq!(receive(body.as_bytes()).unwrap().into_event().number, None);
    }
}
