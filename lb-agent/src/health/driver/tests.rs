use std::net::Ipv4Addr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use tokio::io::AsyncWriteExt;
use tokio::net::UdpSocket;
use tokio::sync::mpsc::UnboundedReceiver;
use tokio::time::timeout;

use super::*;
use crate::health::Change;
use crate::health::probe::Weight;
use crate::health::spec::{Check, Kind, Question, ReplyPattern, Server, Target, UdpCheck};
use crate::health::testing::{
    TestServer, VIP, checker, http, read_request, real_server, virtual_server,
};
use crate::health::verdict::State;

/// Long enough for a busy machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_secs(10);

/// A web server whose status the test sets; 0 means that it does not answer.
async fn web_server(status: &Arc<AtomicU16>) -> TestServer {
    let status = Arc::clone(status);
    TestServer::start(move |mut stream| {
        let status = status.load(Ordering::SeqCst);
        async move {
            read_request(&mut stream).await;
            if status == 0 {
                read_request(&mut stream).await;
                return;
            }
            let answer = format!("HTTP/1.1 {status} x\r\nContent-Length: 0\r\n\r\n");
            stream.write_all(answer.as_bytes()).await.ok();
        }
    })
    .await
}

fn services(server: &TestServer, connect_timeout: Duration) -> Vec<Service> {
    let checker = Check {
        retry: 1,
        delay_before_retry: Duration::from_millis(5),
        delay_loop: Duration::from_millis(10),
        ..server.checker(http(&["/"]), connect_timeout)
    };
    let real_server = Server {
        checks: vec![checker],
        ..real_server(2, 1)
    };
    vec![virtual_server(vec![real_server], None)]
}

/// The next event about a server as a whole.
async fn next(events: &mut UnboundedReceiver<Event>) -> Event {
    loop {
        let event = timeout(PATIENCE, events.recv())
            .await
            .expect("no event in time")
            .expect("driver has ended");
        if !matches!(event.change, Change::Checker { .. }) {
            return event;
        }
    }
}

#[tokio::test]
async fn a_server_that_fails_goes_down_and_one_that_recovers_comes_up() {
    let status = Arc::new(AtomicU16::new(503));
    let server = web_server(&status).await;
    let (sender, mut events) = mpsc::unbounded_channel();
    let handle = spawn(&services(&server, PATIENCE), true, sender);
    for (up, next_status, reason) in [
        (false, 200, "url(/): status_code [503]."),
        (
            true,
            404,
            "Remote Web server [10.0.0.2]:tcp:80 succeed on service.",
        ),
        (false, 204, "url(/): status_code [404]."),
        (
            true,
            200,
            "Remote Web server [10.0.0.2]:tcp:80 succeed on service.",
        ),
    ] {
        let event = next(&mut events).await;
        status.store(next_status, Ordering::SeqCst);
        let change = if up { Change::Up } else { Change::Down };
        assert_eq!((event.change, event.reason.as_str()), (change, reason));
        assert_eq!(event.virtual_server, VIP);
    }
    handle.stop().await;
    let mail = events.recv().await.expect("the mail about the last change");
    assert!(matches!(mail.change, Change::Checker { up: true, .. }));
    assert_eq!(events.recv().await, None);
}

#[tokio::test]
async fn the_status_is_there_while_a_probe_is_under_way() {
    let status = Arc::new(AtomicU16::new(503));
    let server = web_server(&status).await;
    let (sender, mut events) = mpsc::unbounded_channel();
    let handle = spawn(&services(&server, PATIENCE), true, sender);
    next(&mut events).await;
    status.store(0, Ordering::SeqCst);
    let waiting = async {
        loop {
            let [status] = &handle.status().await[..] else {
                panic!("one checker")
            };
            if status.next_probe.is_none() {
                return status.clone();
            }
            task::yield_now().await;
        }
    };
    let status = timeout(PATIENCE, waiting).await.unwrap();
    assert_eq!((status.up, status.state), (false, State::Down));
    let last = status.last.unwrap();
    assert_eq!(
        (last.success, last.reason.as_deref()),
        (Some(false), Some("status_code [503]"))
    );
    assert_eq!(
        (status.asks, status.shared_by),
        (server.address.to_string(), 1)
    );
    assert!(status.since.unwrap() >= last.age, "{:?}", status.since);
    handle.stop().await;
}

#[tokio::test]
async fn stop_does_not_wait_for_probes_that_hang() {
    let status = Arc::new(AtomicU16::new(0));
    let server = web_server(&status).await;
    let (sender, mut events) = mpsc::unbounded_channel();
    let hour = Duration::from_hours(1);
    let handle = spawn(&services(&server, hour), true, sender);
    timeout(PATIENCE, handle.stop())
        .await
        .expect("stop waits for the probe");
    assert_eq!(events.recv().await, None);
}

#[tokio::test]
async fn the_checks_end_when_nobody_listens() {
    let status = Arc::new(AtomicU16::new(200));
    let server = web_server(&status).await;
    let (sender, events) = mpsc::unbounded_channel();
    let handle = spawn(&services(&server, PATIENCE), true, sender);
    drop(events);
    timeout(PATIENCE, handle.task)
        .await
        .expect("goes on without a listener")
        .unwrap();
}

#[tokio::test]
async fn a_server_that_hangs_goes_down_with_its_time_out() {
    let status = Arc::new(AtomicU16::new(0));
    let server = web_server(&status).await;
    let (sender, mut events) = mpsc::unbounded_channel();
    let handle = spawn(&services(&server, Duration::from_millis(50)), true, sender);
    let event = next(&mut events).await;
    assert_eq!(
        event.reason,
        "url(/): connected, but no answer within 50ms."
    );
    handle.stop().await;
}

/// What an ended probe adds counts from the weight that the pool has since the reload: 10, not 5. Many
/// times, since without an order chance decides.
#[tokio::test]
async fn a_reload_comes_before_the_probes_that_have_ended_meanwhile() {
    let weighing = |weight| {
        let server = Server {
            checks: vec![checker(Kind::Tcp, 1)],
            ..real_server(2, weight)
        };
        vec![virtual_server(vec![server], None)]
    };
    for _ in 0..32 {
        let mut schedule = Schedule::new(&weighing(5), settings(true), clock::now());
        schedule.handle_timeout(clock::now());
        let id = loop {
            match schedule.poll_action().expect("no probe") {
                Action::Probe { id, .. } => break id,
                Action::Log(_) | Action::Changed(_) => {}
            }
        };
        let (sender, mut events) = mpsc::unbounded_channel();
        let mut driver = Driver::new(schedule, sender);
        let probe = driver
            .probes
            .spawn(async { ProbeResult::Weighs(Weight::More(-2)) });
        driver.asked.insert(probe.id(), Some(id));
        task::yield_now().await;
        let (requests, inbox) = mpsc::unbounded_channel();
        requests.send(Request::Reload(weighing(10), true)).unwrap();
        let running = tokio::spawn(driver.run(inbox));
        assert_eq!(next(&mut events).await.change, Change::Weight(8));
        drop(requests);
        running.await.unwrap();
    }
}

/// A server that answers all at once that ask within a moment. At the same time both would have one
/// address and port, and all answers would come to one of them.
#[tokio::test]
async fn checks_from_one_port_to_one_server_take_turns() {
    let answering = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = answering.local_addr().unwrap();
    let answering = tokio::spawn(async move {
        let mut request = [0; 64];
        while let Ok((_, from)) = answering.recv_from(&mut request).await {
            let mut asked = vec![from];
            let moment = Duration::from_millis(200);
            while let Ok(next) = timeout(moment, answering.recv_from(&mut request)).await {
                asked.push(next.unwrap().1);
            }
            for from in asked {
                answering.send_to(b"here", from).await.unwrap();
            }
        }
    });
    let free = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let bind_port = free.local_addr().unwrap().port();
    drop(free);
    let require_reply = Some(ReplyPattern {
        bytes: Vec::new(),
        ignore: Vec::new(),
    });
    let question = Question {
        target: Target {
            bind_port,
            connect_timeout: PATIENCE,
            ..Target::new(address)
        },
        kind: Kind::Udp(UdpCheck {
            require_reply,
            ..UdpCheck::default()
        }),
    };
    let server = |host| Server {
        checks: vec![Check {
            question: question.clone(),
            ..checker(Kind::Tcp, 0)
        }],
        ..real_server(host, 1)
    };
    let services = [virtual_server(vec![server(2), server(3)], None)];
    let (sender, _events) = mpsc::unbounded_channel();
    let handle = spawn(&services, false, sender);
    let answered = async {
        loop {
            let status = handle.status().await;
            let states: Vec<State> = status.iter().map(|it| it.state).collect();
            if !states.contains(&State::Unproven) {
                return states;
            }
            task::yield_now().await;
        }
    };
    let states = timeout(PATIENCE * 2, answered).await.unwrap();
    assert_eq!(states, [State::Up; 2]);
    handle.stop().await;
    answering.abort();
}

/// `ulimit -n 1024` with checks through the data plane, of five descriptors each.
#[test]
fn the_limit_of_probes_leaves_descriptors_for_everything_else() {
    for (files, expected) in [(0, 1), (1024, 128), (32_768, 4096), (u64::MAX, 4096)] {
        assert_eq!(limit_of(files), expected, "{files}");
    }
}
