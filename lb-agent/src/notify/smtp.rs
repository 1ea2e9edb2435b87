//! The dialogue that hands one mail to a server (RFC 5321): lines in, lines out. Pure.
//!
//! ```text
//!   220 ─▶ HELO (EHLO) ─▶ [STARTTLS ─▶ EHLO] ─▶ [AUTH] ─▶ MAIL ─▶ RCPT … ─▶ DATA ─▶ text ─▶ QUIT
//! ```
//!
//! As keepalived but for three things: a recipient that the server refuses does not keep the mail from
//! the others, and STARTTLS (RFC 3207) and AUTH (RFC 4954, PLAIN or LOGIN) are there. Whoever wants
//! STARTTLS gets it or says nothing: a server in between could leave it out.

use thiserror::Error;

use super::mail::{Envelope, one_line};

/// The longest line of a reply that is listened to (RFC 5321 4.5.3.1.5 says 512), bytes.
pub const LONGEST_LINE: usize = 4096;

/// Lines of one reply that are listened to.
const MOST_LINES: usize = 256;

/// Name and password for AUTH.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// Name.
    pub user: String,
    /// Password.
    pub password: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({}, ********)", self.user)
    }
}

/// Why a mail was not taken.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum SmtpError {
    /// The server says no. keepalived's words, and the server's.
    #[error(
        "Error processing {command} cmd on SMTP server {{server}}. SMTP status code = {code} ({text})"
    )]
    Refused {
        /// What was asked.
        command: &'static str,
        /// The reply's number.
        code: u16,
        /// The reply's last line.
        text: String,
    },
    /// The server does not speak SMTP.
    #[error("SMTP server {{server}} sends what is no reply: {0}")]
    NoReply(String),
    /// The server does not offer STARTTLS.
    #[error("SMTP server {{server}} does not offer STARTTLS, and nothing is sent in the clear")]
    NoStartTls,
    /// The server does not offer a kind of AUTH that we know.
    #[error("SMTP server {{server}} offers neither AUTH PLAIN nor AUTH LOGIN")]
    NoAuth,
}

impl SmtpError {
    /// Whether the same mail may be taken later (RFC 5321 4.2.1: 4yz).
    pub const fn is_temporary(&self) -> bool {
        match self {
            Self::Refused { code, .. } => *code < 500,
            Self::NoReply(_) => true,
            Self::NoAuth | Self::NoStartTls => false,
        }
    }

    /// The line for the log; `server` is keepalived's `[address]:port`.
    pub fn line(&self, server: &str) -> String {
        self.to_string().replace("{server}", server)
    }
}

/// What to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Listen on.
    Listen,
    /// Send this, then listen on.
    Send(String),
    /// Secure the connection, then go on with [`Dialogue::secured`].
    Secure,
    /// The mail was taken: send this and hang up.
    Done(String),
}

/// What the server was asked last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stage {
    Connected,
    Hello,
    StartTls,
    AuthPlain,
    AuthLogin,
    AuthUser,
    AuthPassword,
    Mail,
    /// The recipient's place.
    Rcpt(usize),
    Data,
    Body,
}

/// One mail on its way.
#[derive(Debug)]
pub struct Dialogue<'a> {
    envelope: &'a Envelope,
    helo_name: &'a str,
    credentials: Option<&'a Credentials>,
    text: &'a str,
    /// STARTTLS has yet to come.
    wants_tls: bool,
    stage: Stage,
    reply: Vec<(u16, String)>,
    accepted: usize,
    refused: Vec<SmtpError>,
}

impl<'a> Dialogue<'a> {
    /// A dialogue that waits for the server's greeting. `text` is [`super::mail::Mail::text`].
    pub const fn new(
        envelope: &'a Envelope,
        helo_name: &'a str,
        credentials: Option<&'a Credentials>,
        text: &'a str,
    ) -> Self {
        Self {
            envelope,
            helo_name,
            credentials,
            text,
            wants_tls: false,
            stage: Stage::Connected,
            reply: Vec::new(),
            accepted: 0,
            refused: Vec::new(),
        }
    }

    /// The same, with STARTTLS.
    #[must_use]
    pub const fn over_tls(mut self) -> Self {
        self.wants_tls = true;
        self
    }

    /// The connection is secured: what to send. Whatever the server has said before does not count
    /// any more (RFC 3207 4.2).
    pub fn secured(&mut self) -> String {
        self.wants_tls = false;
        self.stage = Stage::Hello;
        self.hello("EHLO")
    }

    fn hello(&self, command: &str) -> String {
        format!("{command} {}\r\n", one_line(self.helo_name))
    }

    /// Takes one line of the server, without its end.
    pub fn handle_line(&mut self, line: &str) -> Result<Step, SmtpError> {
        let (code, last, text) = parse(line)?;
        if self.reply.first().is_some_and(|(first, _)| *first != code) {
            return Err(SmtpError::NoReply(format!("{line:?} within another reply")));
        }
        if self.reply.len() >= MOST_LINES {
            return Err(SmtpError::NoReply("a reply without end".into()));
        }
        self.reply.push((code, text.into()));
        if !last {
            return Ok(Step::Listen);
        }
        let reply = std::mem::take(&mut self.reply);
        self.answer(code, &reply)
    }

    /// Recipients that were refused.
    pub fn refused(&self) -> &[SmtpError] {
        &self.refused
    }

    fn answer(&mut self, code: u16, reply: &[(u16, String)]) -> Result<Step, SmtpError> {
        let refusal = |command| {
            Err(SmtpError::Refused {
                command,
                code,
                text: reply
                    .last()
                    .map_or_else(String::new, |last| one_line(&last.1)),
            })
        };
        match (self.stage, code) {
            (Stage::Connected, 220) => {
                let extended = self.credentials.is_some() || self.wants_tls;
                let hello = self.hello(if extended { "EHLO" } else { "HELO" });
                Ok(self.go(Stage::Hello, hello))
            }
            (Stage::Hello, 250) if self.wants_tls => self.start_tls(reply),
            (Stage::StartTls, 220) => Ok(Step::Secure),
            (Stage::Hello, 250) => self.authenticate(reply),
            (Stage::AuthLogin, 334) => {
                let user = self.credentials.map_or("", |it| it.user.as_str());
                Ok(self.go(Stage::AuthUser, format!("{}\r\n", base64(user.as_bytes()))))
            }
            (Stage::AuthUser, 334) => {
                let password = self.credentials.map_or("", |it| it.password.as_str());
                let line = format!("{}\r\n", base64(password.as_bytes()));
                Ok(self.go(Stage::AuthPassword, line))
            }
            (Stage::AuthPlain | Stage::AuthPassword, 235) => Ok(self.mail()),
            (Stage::Mail, 250) => Ok(self.recipient(0)),
            // 251: the server forwards it (RFC 5321 3.4); 252 is no answer to RCPT.
            (Stage::Rcpt(place), 250 | 251) => {
                self.accepted = self.accepted.saturating_add(1);
                Ok(self.recipient(place.saturating_add(1)))
            }
            (Stage::Rcpt(place), _) => {
                let next = place.saturating_add(1);
                let error = refusal("RCPT");
                if self.accepted == 0 && next >= self.envelope.to.len() {
                    return error;
                }
                self.refused.extend(error.err());
                Ok(self.recipient(next))
            }
            (Stage::Data, 354) => Ok(self.go(Stage::Body, self.text.into())),
            (Stage::Body, 250) => Ok(Step::Done("QUIT\r\n".into())),
            (Stage::Connected, _) => refusal("CONNECT"),
            (Stage::Hello, _) => refusal("HELO"),
            (Stage::StartTls, _) => refusal("STARTTLS"),
            (Stage::AuthPlain | Stage::AuthLogin | Stage::AuthUser | Stage::AuthPassword, _) => {
                refusal("AUTH")
            }
            (Stage::Mail, _) => refusal("MAIL"),
            (Stage::Data, _) => refusal("DATA"),
            (Stage::Body, _) => refusal("BODY"),
        }
    }

    fn go(&mut self, stage: Stage, send: String) -> Step {
        self.stage = stage;
        Step::Send(send)
    }

    fn start_tls(&mut self, offers: &[(u16, String)]) -> Result<Step, SmtpError> {
        let mut offers = offers.iter().map(|(_, offer)| offer.trim());
        if offers.any(|offer| offer.eq_ignore_ascii_case("STARTTLS")) {
            Ok(self.go(Stage::StartTls, "STARTTLS\r\n".into()))
        } else {
            Err(SmtpError::NoStartTls)
        }
    }

    /// AUTH as the server offers it (RFC 4954 3), or no AUTH.
    fn authenticate(&mut self, offers: &[(u16, String)]) -> Result<Step, SmtpError> {
        let Some(Credentials { user, password }) = self.credentials else {
            return Ok(self.mail());
        };
        let offered = |mechanism: &str| {
            offers.iter().any(|(_, offer)| {
                let mut words = offer.split([' ', '=']);
                let auth = words
                    .next()
                    .is_some_and(|it| it.eq_ignore_ascii_case("AUTH"));
                auth && words.any(|word| word.eq_ignore_ascii_case(mechanism))
            })
        };
        if offered("PLAIN") {
            // RFC 4616: no identity, name, password, between NULs.
            let secret = base64(format!("\0{user}\0{password}").as_bytes());
            return Ok(self.go(Stage::AuthPlain, format!("AUTH PLAIN {secret}\r\n")));
        }
        if offered("LOGIN") {
            return Ok(self.go(Stage::AuthLogin, "AUTH LOGIN\r\n".into()));
        }
        Err(SmtpError::NoAuth)
    }

    fn mail(&mut self) -> Step {
        let from = one_line(&self.envelope.from);
        self.go(Stage::Mail, format!("MAIL FROM:<{from}>\r\n"))
    }

    /// The recipient at this place, or the text when there are no more.
    fn recipient(&mut self, place: usize) -> Step {
        match self.envelope.to.get(place) {
            Some(to) => {
                let to = one_line(to);
                self.go(Stage::Rcpt(place), format!("RCPT TO:<{to}>\r\n"))
            }
            None => self.go(Stage::Data, "DATA\r\n".into()),
        }
    }
}

/// Number, whether it is the last line, text (RFC 5321 4.2).
fn parse(line: &str) -> Result<(u16, bool, &str), SmtpError> {
    let wrong = || SmtpError::NoReply(format!("{:?}", line.chars().take(80).collect::<String>()));
    let (number, rest) = line.split_at_checked(3).ok_or_else(wrong)?;
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(wrong());
    }
    let number = number.parse().map_err(|_digits| wrong())?;
    match rest.split_at_checked(1) {
        None => Ok((number, true, "")),
        Some((" ", text)) => Ok((number, true, text)),
        Some(("-", text)) => Ok((number, false, text)),
        Some(_) => Err(wrong()),
    }
}

/// RFC 4648 4.
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let digit = |bits: u32| {
        let place = usize::try_from(bits & 0x3f).unwrap_or_default();
        char::from(ALPHABET.get(place).copied().unwrap_or_default())
    };
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let byte = |place: usize| u32::from(chunk.get(place).copied().unwrap_or_default());
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        let digits = [bits >> 18, bits >> 12, bits >> 6, bits].map(digit);
        text.extend(digits.iter().take(chunk.len().saturating_add(1)));
        text.extend(std::iter::repeat_n(
            '=',
            3_usize.saturating_sub(chunk.len()),
        ));
    }
    text
}

#[cfg(test)]
mod tests;
