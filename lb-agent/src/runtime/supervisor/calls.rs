//! What operators ask for over the control socket.

use std::time::Duration;

use tokio::sync::oneshot;
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::{Supervisor, write_lines};
use crate::control::protocol::{Request, Response, Server};
use crate::control::server::Call;
use crate::control::target;
use crate::health::Hand;
use crate::health::name::ServiceName;
use crate::observe::model::CheckView;

/// How long who sets something by hand waits for the state file. The agent does not.
const KEEPING: Duration = Duration::from_secs(5);

impl Supervisor {
    pub(super) fn handle_call(&mut self, call: Call) {
        let Call { request, reply } = call;
        let response = match request {
            Request::Reload => return self.handle_reload(Some(reply)),
            Request::CheckNow {
                virtual_server,
                real_server,
            } => match self.check_now(virtual_server.as_deref(), real_server.as_deref()) {
                Ok(count) => {
                    tokio::spawn(async move {
                        let text = match count.await {
                            1 => "1 check starts now".to_owned(),
                            count => format!("{count} checks start now"),
                        };
                        reply.send(Response::done(text)).ok();
                    });
                    return;
                }
                Err(error) => Response::failed(error),
            },
            Request::Checks => {
                let (status, punctuality) = (self.health.status(), self.health.punctuality());
                tokio::spawn(async move {
                    let (status, punctuality) = (status.await, punctuality.await);
                    // Naming them all takes its time.
                    let views = || status.into_iter().map(CheckView::from).collect();
                    // It ends with the runtime only.
                    if let Ok(checks) = spawn_blocking(views).await {
                        let response = Response::with_checks(checks, punctuality.into());
                        reply.send(response).ok();
                    }
                });
                return;
            }
            Request::Drain(server) => return self.keep(&server, Some(Hand::Drain), reply),
            Request::Enable(server) => return self.keep(&server, None, reply),
            Request::Weight { server, weight } => {
                return self.keep(&server, Some(Hand::Weight(weight)), reply);
            }
        };
        // Who asked may have gone.
        reply.send(response).ok();
    }

    fn check_now(
        &self,
        virtual_server: Option<&str>,
        real_server: Option<&str>,
    ) -> Result<impl Future<Output = usize> + Send + use<>, String> {
        let servers = &self.director.config().virtual_servers;
        let of = virtual_server
            .map(|text| target::virtual_server(servers, text))
            .transpose()
            .map_err(|error| error.to_string())?;
        let one = match (of, real_server) {
            (Some(of), Some(text)) => {
                Some(target::real_server(of, text).map_err(|error| error.to_string())?)
            }
            (Some(_) | None, None) => None,
            (None, Some(_)) => return Err("of which virtual server?".to_owned()),
        };
        Ok(self.health.check_now(of.map(|of| of.key.clone()), one))
    }

    /// Sets it, and answers when a restart would know it, too; when it is not kept, that is said: it holds
    /// all the same.
    fn keep(&mut self, server: &Server, hand: Option<Hand>, reply: oneshot::Sender<Response>) {
        let text = match self.set_by_hand(server, hand) {
            Ok(text) => text,
            Err(error) => {
                reply.send(Response::failed(error)).ok();
                return;
            }
        };
        let kept = self.memory.note_hand();
        tokio::spawn(async move {
            let forgotten = match timeout(KEEPING, kept).await {
                Ok(Ok(Ok(()))) => None,
                Ok(Ok(Err(error))) => Some(error),
                Ok(Err(_ended)) => Some("the agent stops".to_owned()),
                Err(_elapsed) => Some(format!(
                    "the state file is not written within {} s",
                    KEEPING.as_secs()
                )),
            };
            let text = match forgotten {
                None => text,
                Some(why) => format!("{text}; a restart may not know it: {why}"),
            };
            reply.send(Response::done(text)).ok();
        });
    }

    /// What to say of it.
    fn set_by_hand(&mut self, server: &Server, hand: Option<Hand>) -> Result<String, String> {
        let servers = &self.director.config().virtual_servers;
        let found = target::virtual_server(servers, &server.virtual_server).and_then(|of| {
            Ok((
                of.key.clone(),
                target::real_server(of, &server.real_server)?,
            ))
        });
        let (of, key) = found.map_err(|error| error.to_string())?;
        let (changed, lines) = self.director.set_by_hand(&of, &key, hand);
        write_lines(lines);
        self.stale |= changed;
        let service = ServiceName::of_real_server(&of, &key);
        let now = match hand {
            Some(Hand::Drain) => "drained: no new connections, those that it has go on".to_owned(),
            Some(Hand::Weight(weight)) => format!("weight {weight}, set by hand"),
            None => "as configured and checked; nothing is set by hand".to_owned(),
        };
        Ok(format!("{service} of virtual server {of}: {now}"))
    }
}
