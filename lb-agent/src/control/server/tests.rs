use std::io::{Read as _, Write as _};
use std::os::unix::net::UnixStream as Caller;

use super::*;
use crate::control::client;

fn socket() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("control");
    (folder, path)
}

/// Runs `work` as a caller, while `answer` answers every call.
fn with_agent<T: Send + 'static>(
    work: impl FnOnce(PathBuf) -> T + Send + 'static,
    mut answer: impl FnMut(Request) -> Response,
) -> T {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (_folder, path) = socket();
        let mut server = Server::listen(&path).unwrap();
        let mut caller = spawn_blocking(move || work(path));
        loop {
            tokio::select! {
                done = &mut caller => return done.unwrap(),
                call = server.next() => {
                    let response = answer(call.request);
                    call.reply.send(response).ok();
                }
            }
        }
    })
}

fn said(path: &Path, bytes: &[u8]) -> String {
    let mut stream = Caller::connect(path).unwrap();
    stream.write_all(bytes).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn a_call_is_answered_and_the_socket_is_ours_alone() {
    let (response, mode) = with_agent(
        |path| {
            let mode = std::fs::metadata(&path).unwrap().permissions().mode();
            (client::call_at(&path, &Request::Reload, PATIENCE), mode)
        },
        |request| Response::done(format!("{request:?}")),
    );
    assert_eq!(response.unwrap(), Response::done("Reload"));
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn rubbish_is_answered_in_words_and_too_much_of_it_is_not_read() {
    let answers = with_agent(
        |path| {
            let long = vec![b'x'; MAX_REQUEST + 1];
            [
                &b"rubbish\n"[..],
                br#"{"version":9}"#,
                b"{\"version\":9}\n",
                &long,
            ]
            .map(|bytes| {
                let mut stream = Caller::connect(&path).unwrap();
                // More than is read may meet a closed socket.
                stream.write_all(bytes).ok();
                stream.shutdown(std::net::Shutdown::Write).ok();
                let mut answer = String::new();
                stream.read_to_string(&mut answer).ok();
                answer
            })
        },
        |_| Response::done("never"),
    );
    assert!(answers[0].contains("not understood"), "{answers:?}");
    assert!(answers[1].contains("cut off"), "{answers:?}");
    assert!(answers[2].contains("version 9"), "{answers:?}");
    assert!(
        answers[3].contains("too long") || answers[3].is_empty(),
        "{answers:?}"
    );
}

#[test]
fn who_says_nothing_or_hangs_up_keeps_nobody_waiting() {
    let answer = with_agent(
        |path| {
            let silent: Vec<Caller> = (0..AT_A_TIME - 1)
                .map(|_| Caller::connect(&path).unwrap())
                .collect();
            drop(Caller::connect(&path).unwrap());
            let line = Request::Reload.to_line().unwrap();
            let mut gone = Caller::connect(&path).unwrap();
            gone.write_all(&line).unwrap();
            drop(gone);
            let answer = said(&path, &line);
            drop(silent);
            answer
        },
        |_| Response::done("done"),
    );
    assert!(answer.contains("done"), "{answer}");
}

#[test]
fn what_a_dead_agent_has_left_is_replaced_and_nothing_stays_behind() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let (_folder, path) = socket();
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        assert!(path.exists());
        drop(Server::listen(&path).unwrap());
        assert!(!path.exists());
        let nowhere = path.join("no/such/folder");
        let error = Server::listen(&nowhere).unwrap_err().to_string();
        assert!(error.contains("will not reach this agent"), "{error}");
    });
}
