//! What operators ask for over the control socket.

use tokio::task::spawn_blocking;

use super::{Supervisor, write_lines};
use crate::control::protocol::{Request, Response, Server};
use crate::control::server::Call;
use crate::control::target;
use crate::health::Hand;
use crate::health::name::ServiceName;
use crate::observe::model::CheckView;

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
                        let count = count.await;
                        let text = format!("{count} checks start now");
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
            Request::Drain(server) => self.set_by_hand(&server, Some(Hand::Drain)),
            Request::Enable(server) => self.set_by_hand(&server, None),
            Request::Weight { server, weight } => {
                self.set_by_hand(&server, Some(Hand::Weight(weight)))
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

    fn set_by_hand(&mut self, server: &Server, hand: Option<Hand>) -> Response {
        let servers = &self.director.config().virtual_servers;
        let found = target::virtual_server(servers, &server.virtual_server).and_then(|of| {
            Ok((
                of.key.clone(),
                target::real_server(of, &server.real_server)?,
            ))
        });
        let (of, key) = match found {
            Ok(found) => found,
            Err(error) => return Response::failed(error.to_string()),
        };
        let (changed, lines) = self.director.set_by_hand(&of, &key, hand);
        write_lines(lines);
        self.stale |= changed;
        self.memory.note_hand();
        let service = ServiceName::of_real_server(&of, &key);
        let now = match hand {
            Some(Hand::Drain) => "drained: no new connections, those that it has go on".to_owned(),
            Some(Hand::Weight(weight)) => format!("weight {weight}, set by hand"),
            None => "as configured and checked; nothing is set by hand".to_owned(),
        };
        Response::done(format!("{service} of virtual server {of}: {now}"))
    }
}
