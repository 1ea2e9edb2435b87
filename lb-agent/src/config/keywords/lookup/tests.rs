use super::*;

#[test]
fn a_keyword_is_shown_for_every_place_where_it_may_stand() {
    let text = keyword_md("weight").unwrap();
    for place in ["vrrp_script", "real_server", "what is tracked"] {
        assert!(text.contains(place), "{place} is missing in:\n{text}");
    }
    let text = keyword_md("lvs_method").unwrap();
    assert!(text.contains("lb_kind"), "{text}");
    assert!(text.contains("also lvs_method"), "{text}");
}

#[test]
fn what_has_no_effect_says_why() {
    let text = keyword_md("enable_dbus").unwrap();
    assert!(
        text.contains("without effect: this program is not on D-Bus"),
        "{text}"
    );
}

#[test]
fn a_wrong_name_is_answered_by_the_nearest() {
    assert_eq!(
        keyword_md("virtual_router_di").unwrap_err(),
        "no keyword is called `virtual_router_di`; did you mean `virtual_router_id`?"
    );
    assert_eq!(
        keyword_md("\u{1f980}").unwrap_err(),
        "no keyword is called `\u{1f980}`"
    );
}

#[test]
fn every_name_of_the_tables_can_be_looked_up() {
    let names: Vec<&str> = KeywordNames.all().collect();
    assert!(names.len() > 363, "{}", names.len());
    assert!(names.is_sorted());
    for name in names {
        assert!(keyword_md(name).is_ok(), "{name}");
    }
}
