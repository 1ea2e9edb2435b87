use super::*;

#[test]
fn the_checks_of_an_agent_that_says_nothing_of_punctuality_are_shown() {
    let line = r#"{"version":1,"exit_status":0,"text":"","checks":[]}"#;
    let response: Response = serde_json::from_str(line).unwrap();
    assert_eq!(answer(response).unwrap(), (vec![], None));
}

#[test]
fn an_agent_that_says_nothing_of_its_checks_says_why() {
    let error = answer(Response::failed("it is stopping")).unwrap_err();
    assert_eq!(error.to_string(), "it is stopping");
}
