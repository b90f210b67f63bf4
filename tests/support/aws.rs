//! What AWS speaks, for stand-ins: the binary event stream (smithy.io, "Amazon Event Stream Specification"), and the Security
//! Token Service.

use std::{
    io::Write as _,
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, SystemTime},
};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use super::provider::{Received, receive};

/// One event of a model's answer as Bedrock frames it.
pub fn chunk(event: &Value) -> Vec<u8> {
    let payload = json!({ "bytes": STANDARD.encode(event.to_string()), "p": "abcdefghijkl" }).to_string();
    frame(&[(":event-type", "chunk"), (":content-type", "application/json"), (":message-type", "event")], payload.as_bytes())
}

/// A message with string headers.
pub fn frame(headers: &[(&str, &str)], payload: &[u8]) -> Vec<u8> {
    let mut fields = Vec::new();
    for (name, value) in headers {
        fields.push(u8::try_from(name.len()).unwrap());
        fields.extend_from_slice(name.as_bytes());
        fields.push(7);
        fields.extend_from_slice(&u16::try_from(value.len()).unwrap().to_be_bytes());
        fields.extend_from_slice(value.as_bytes());
    }
    let number = |length: usize| u32::try_from(length).unwrap().to_be_bytes();
    let mut out = [number(16 + fields.len() + payload.len()), number(fields.len())].concat();
    out.extend_from_slice(&crc32(&out).to_be_bytes());
    out.extend_from_slice(&fields);
    out.extend_from_slice(payload);
    out.extend_from_slice(&crc32(&out).to_be_bytes());
    out
}

/// CRC-32 as in ISO 3309, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    let step = |crc: u32| if crc & 1 == 1 { crc >> 1 ^ 0xedb8_8320 } else { crc >> 1 };
    !bytes.iter().fold(!0, |crc, byte| (0..8).fold(crc ^ u32::from(*byte), |crc, _| step(crc)))
}

/// What the token service does when it is asked.
#[derive(Clone, Debug)]
pub enum Grant {
    /// Gives keys that expire after so long. Their id ends with the number of the grant, from 1.
    Keys(Duration),
    /// Answers with this status and an error of this code.
    Refused(u16, String),
    /// Answers with this status and these words.
    Says(u16, String),
}

/// A stand-in for the Security Token Service. It checks the form of what it is asked, and ends when it is dropped.
pub struct Sts {
    address: SocketAddr,
    state: Arc<State>,
}

struct State {
    token: String,
    role: String,
    grant: Mutex<Grant>,
    received: Mutex<Vec<Received>>,
    granted: AtomicUsize,
    at_once: AtomicUsize,
    most: AtomicUsize,
    over: AtomicBool,
}

impl Sts {
    /// Takes `token` for `role`.
    pub fn start(token: &str, role: &str, grant: Grant) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            token: token.to_owned(),
            role: role.to_owned(),
            grant: Mutex::new(grant),
            received: Mutex::default(),
            granted: AtomicUsize::new(0),
            at_once: AtomicUsize::new(0),
            most: AtomicUsize::new(0),
            over: AtomicBool::new(false),
        });
        let shared = state.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                if shared.over.load(Ordering::SeqCst) {
                    return;
                }
                let shared = shared.clone();
                thread::spawn(move || shared.answer(stream));
            }
        });
        Self { address, state }
    }

    /// What to put into the policy as `token_url`.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Does something else from now on.
    pub fn change(&self, grant: Grant) {
        *self.state.grant.lock().unwrap_or_else(PoisonError::into_inner) = grant;
    }

    /// All requests so far.
    pub fn requests(&self) -> Vec<Received> {
        self.state.received.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// How many were asked at the same time, at most.
    pub fn most_at_once(&self) -> usize {
        self.state.most.load(Ordering::SeqCst)
    }
}

impl Drop for Sts {
    fn drop(&mut self) {
        self.state.over.store(true, Ordering::SeqCst);
        drop(TcpStream::connect(self.address));
    }
}

impl State {
    fn answer(&self, mut stream: TcpStream) {
        let Ok(Some(request)) = receive(&mut stream) else { return };
        self.most.fetch_max(self.at_once.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
        // Others that come at the same time are seen to.
        thread::sleep(Duration::from_millis(50));
        let (status, text) = self.told(&request);
        self.received.lock().unwrap_or_else(PoisonError::into_inner).push(request);
        self.at_once.fetch_sub(1, Ordering::SeqCst);
        let head =
            format!("HTTP/1.1 {status} Scripted\r\ncontent-type: text/xml\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", text.len());
        let _ = stream.write_all(format!("{head}{text}").as_bytes());
    }

    fn told(&self, request: &Received) -> (u16, String) {
        let encoded = |text: &str| text.replace(':', "%3A").replace('/', "%2F");
        let form = String::from_utf8_lossy(&request.body).into_owned();
        let fields: Vec<&str> = form.split('&').collect();
        let role = format!("RoleArn={}", encoded(&self.role));
        let token = format!("WebIdentityToken={}", encoded(&self.token));
        let asked = ["Action=AssumeRoleWithWebIdentity", "Version=2011-06-15", &role, &token].iter().all(|field| fields.contains(field));
        let plain = request.header("content-type") == Some("application/x-www-form-urlencoded");
        if request.method != "POST" || request.path != "/" || !asked || !plain || request.header("authorization").is_some() {
            return (400, error("MalformedRequest"));
        }
        match self.grant.lock().unwrap_or_else(PoisonError::into_inner).clone() {
            Grant::Refused(status, code) => (status, error(&code)),
            Grant::Says(status, text) => (status, text),
            Grant::Keys(time) => (200, keys(self.granted.fetch_add(1, Ordering::SeqCst) + 1, SystemTime::now() + time)),
        }
    }
}

/// The session token that goes with the keys of the grant `number`.
pub fn session_token(number: usize) -> String {
    format!("made-up/session+token=={number}")
}

/// The secret that goes with all keys.
pub const SECRET: &str = "made-up/assumed+secret";

fn keys(number: usize, expires: SystemTime) -> String {
    let expires = humantime::format_rfc3339_seconds(expires);
    format!(
        "<AssumeRoleWithWebIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleWithWebIdentityResult>\n\
         <Credentials><SessionToken>{}</SessionToken><SecretAccessKey>{SECRET}</SecretAccessKey><Expiration>{expires}</Expiration>\
         <AccessKeyId>ASIAMADEUP{number}</AccessKeyId></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>",
        session_token(number)
    )
}

fn error(code: &str) -> String {
    format!(
        "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>made-up words of {code} about role/agent</Message></Error></ErrorResponse>"
    )
}
