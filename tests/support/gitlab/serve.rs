//! Takes connections, and answers each with the truth or with a fault.

use std::{
    io::{Read, Write},
    net::TcpListener,
    sync::Arc,
    thread,
};

use rustls::{ServerConfig, ServerConnection, StreamOwned};

use super::{Fault, Shared, api, git, http, http::Request, http::Response, lfs};

pub(super) fn forever(listener: &TcpListener, shared: &Arc<Shared>, tls: Option<Arc<ServerConfig>>) {
    for mut stream in listener.incoming().flatten() {
        let (shared, tls) = (Arc::clone(shared), tls.clone());
        thread::spawn(move || match tls.map(|tls| ServerConnection::new(tls).unwrap()) {
            None => one(&mut stream, &shared),
            Some(connection) => {
                let mut stream = StreamOwned::new(connection, stream);
                one(&mut stream, &shared);
                stream.conn.send_close_notify();
                let _ = stream.flush();
            }
        });
    }
}

fn one(stream: &mut (impl Read + Write), shared: &Shared) {
    let Some(mut request) = http::read(stream) else { return };
    match request.path.strip_prefix(&shared.prefix).filter(|rest| rest.starts_with('/')) {
        Some(rest) => request.path = rest.to_owned(),
        None => return drop(Response::message(404, "Not Found").write(stream)),
    }
    shared.requests.lock().unwrap().push(request.clone());
    let latency = *shared.latency.lock().unwrap();
    thread::sleep(latency);
    let answer = match fault(shared, &request) {
        Some(fault) if !fault.after => told(&fault),
        Some(fault) => {
            truth(shared, &request);
            told(&fault)
        }
        None => truth(shared, &request),
    };
    let _ = answer.write(stream);
}

/// The next fault for the request, counted down.
fn fault(shared: &Shared, request: &Request) -> Option<Fault> {
    let mut faults = shared.faults.lock().unwrap();
    let fault = faults.iter_mut().find(|fault| fault.times > 0 && fits(&fault.path, request))?;
    fault.times -= 1;
    let Fault { path, status, headers, body, after, .. } = fault;
    Some(Fault { path: path.clone(), status: *status, headers: headers.clone(), body: body.clone(), after: *after, times: 1 })
}

/// Part of a path; a method may stand before it, and `$` for the path's end behind it.
fn fits(pattern: &str, request: &Request) -> bool {
    let (method, part) = pattern.split_once(' ').unwrap_or(("", pattern));
    let there = part.strip_suffix('$').map_or_else(|| request.path.contains(part), |end| request.path.ends_with(end));
    there && (method.is_empty() || method == request.method)
}

fn told(fault: &Fault) -> Response {
    let message = Response::message(fault.status, "made-up failure");
    let body = fault.body.clone().map_or(message.body, String::into_bytes);
    Response { status: fault.status, headers: fault.headers.clone(), body }
}

fn truth(shared: &Shared, request: &Request) -> Response {
    if !request.path.starts_with("/api/") {
        let mut model = shared.model.lock().unwrap();
        let access = git::access(&model, request);
        if let Some(answer) = lfs::answer(&mut model, request, access.as_ref().map(git::Access::pushes)) {
            return answer;
        }
        drop(model);
        return git::answer(&shared.root, request, access);
    }
    if let Some(Err(violation)) = shared.document.as_ref().map(|document| document.check(request)) {
        shared.violations.lock().unwrap().push(format!("{} {}: {violation}", request.method, request.path));
    }
    let repository = shared.root.join(format!("{}.git", super::PATH));
    let branch = |name: &str| git::tip(&repository, name);
    let mut answer = api::answer(&mut shared.model.lock().unwrap(), request, &branch, &repository);
    answer.headers.push(("Set-Cookie".to_owned(), "_gitlab_session=made-up; path=/".to_owned()));
    answer
}
