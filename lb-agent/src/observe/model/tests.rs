use super::*;

#[test]
fn an_ethernet_address_is_written_and_read_in_the_usual_form() {
    let mac = Mac([2, 0, 0, 0xab, 0, 1]);
    let text = serde_json::to_string(&mac).unwrap();
    assert_eq!(text, r#""02:00:00:ab:00:01""#);
    assert_eq!(serde_json::from_str::<Mac>(&text).unwrap(), mac);
    for wrong in [
        r#""""#,
        r#""02:00:00:ab:00""#,
        r#""02:00:00:ab:00:01:02""#,
        r#""02:zz:00:00:00:00""#,
    ] {
        serde_json::from_str::<Mac>(wrong).unwrap_err();
    }
}

#[test]
fn a_negative_or_endless_duration_is_refused() {
    let read = |seconds: &str| {
        serde_json::from_str::<AgentView>(&format!(
            r#"{{"version":"1","flow_table_size":1,"silent_seconds":{seconds}}}"#
        ))
    };
    assert_eq!(
        read("1.5").unwrap().silent,
        Some(Duration::from_millis(1500))
    );
    assert_eq!(read("null").unwrap().silent, None);
    read("-1").unwrap_err();
    read("1e300").unwrap_err();
}

#[test]
fn an_endpoint_fills_the_width_it_is_given() {
    let endpoint = Endpoint {
        address: "2001:db8::1".parse().unwrap(),
        port: 80,
    };
    assert_eq!(format!("{endpoint:<20}|"), "[2001:db8::1]:80    |");
}
