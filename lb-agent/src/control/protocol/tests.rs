use proptest::prelude::*;

use super::*;

fn server() -> Server {
    Server {
        virtual_server: "192.168.0.1:80".into(),
        real_server: "10.0.0.2".into(),
    }
}

#[test]
fn every_request_survives_the_way() {
    let requests = [
        Request::Reload,
        Request::Drain(server()),
        Request::Enable(server()),
        Request::Weight {
            server: server(),
            weight: 7,
        },
        Request::CheckNow {
            virtual_server: None,
            real_server: None,
        },
        Request::CheckNow {
            virtual_server: Some("192.168.0.1:80".into()),
            real_server: Some("10.0.0.2".into()),
        },
    ];
    for request in requests {
        let line = request.to_line().unwrap();
        assert!(line.len() < MAX_REQUEST && line.ends_with(b"\n"));
        assert_eq!(Request::parse(&line).unwrap(), request);
    }
}

#[test]
fn the_line_is_what_it_was() {
    let weight = Request::Weight {
        server: server(),
        weight: 7,
    };
    let line = String::from_utf8(weight.to_line().unwrap()).unwrap();
    assert_eq!(
        line,
        "{\"version\":1,\"do\":\"weight\",\"virtual_server\":\"192.168.0.1:80\",\
         \"real_server\":\"10.0.0.2\",\"weight\":7}\n"
    );
}

#[test]
fn another_version_is_named_and_rubbish_is_refused() {
    let error = Request::parse(br#"{"version":2,"do":"dance"}"#).unwrap_err();
    assert!(error.to_string().contains("version 2"), "{error}");
    let refused: [&[u8]; 7] = [
        b"",
        b"reload",
        br#"{"do":"reload"}"#,
        br#"{"version":1}"#,
        br#"{"version":1,"do":"dance"}"#,
        br#"{"version":1,"do":"weight","virtual_server":"a","real_server":"b","weight":-1}"#,
        b"\xff\xfe",
    ];
    for line in refused {
        let error = Request::parse(line).unwrap_err();
        assert!(error.to_string().contains("not understood"), "{error}");
    }
}

#[test]
fn a_long_text_is_cut_and_says_so() {
    let response = Response::failed("é".repeat(MAX_TEXT));
    assert!(response.text.len() <= MAX_TEXT && response.text.ends_with("shows all)"));
    let control = Response::done("\u{1}".repeat(MAX_TEXT));
    assert!(control.to_line().unwrap().len() <= MAX_RESPONSE);
}

proptest! {
    #[test]
    fn no_line_makes_it_panic(line in proptest::collection::vec(any::<u8>(), 0..200)) {
        let _any = Request::parse(&line);
    }

    #[test]
    fn no_json_makes_it_panic(line in r#"\{"version":1,"do":"[a-z_]{1,10}",("[a-z_]{1,15}":("[^"\\]{0,20}"|[0-9]{1,12}|null|\[\]),){0,3}"x":0\}"#) {
        let _any = Request::parse(line.as_bytes());
    }
}
