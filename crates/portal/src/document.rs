//! The documents: which path is which, and the way of each from a query to an answer. What depends only on the tables
//! and the view is computed once and kept.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, LazyLock};
use std::time::{SystemTime, UNIX_EPOCH};

use axum::Router;
use axum::extract::{RawQuery, State};
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get};
use evidence::Time;
use statistics::{Dimension, Page, RecordKind, Selection, Snapshot};

use crate::api::Answer;
use crate::customers::{self, Customers, Rows};
use crate::desk::{Desk, Rendered};
use crate::flows::{self, FlowPage, FlowRows};
use crate::refusal::Refusal;
use crate::view::{MAX_TOP, MAX_TOP_FOR_PROGRAMS, TOP, View};
use crate::{api, page};

/// What can be asked for, of a selection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Document {
    Overview,
    /// One table, long.
    Ranking,
    Records(RecordKind),
    /// Listeners by what is set for them.
    Compare,
    /// The SQL behind the tables of a view.
    Question,
    /// The same for programs.
    Api(Answer),
    /// About customers, from the logs of mail servers.
    Customers(Customers),
    /// About sampled traffic.
    Flows(FlowPage),
}

const HTML: &str = "text/html; charset=utf-8";

/// All paths.
pub(crate) fn routes(desk: Arc<Desk>) -> Router {
    let mut router = Router::new()
        .route("/status", get(status))
        .route("/api/v1/status", get(status_for_programs))
        .route("/method", get(method))
        .route("/method/columns", get(columns))
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/style.css", get(|| fixed("text/css; charset=utf-8", include_str!("../templates/style.css"))))
        .route("/icon.svg", get(|| fixed("image/svg+xml", include_str!("../templates/icon.svg"))))
        .fallback(|| async { Refusal::not_found() })
        .method_not_allowed_fallback(|| async { Refusal::new(StatusCode::METHOD_NOT_ALLOWED, "Only GET and HEAD.") });
    for (path, document) in PATHS {
        router = router.route(path, route(document));
    }
    router.with_state(desk)
}

const PATHS: [(&str, Document); 45] = [
    ("/", Document::Overview),
    ("/ranking", Document::Ranking),
    ("/emails", Document::Records(RecordKind::Emails)),
    ("/connections", Document::Records(RecordKind::Deliveries)),
    ("/probes", Document::Records(RecordKind::Probes)),
    ("/compare", Document::Compare),
    ("/question", Document::Question),
    ("/api/v1/page", Document::Api(Answer::Page)),
    ("/api/v1/ranking", Document::Api(Answer::Ranking)),
    ("/api/v1/series", Document::Api(Answer::Series)),
    ("/api/v1/emails", Document::Api(Answer::Records(RecordKind::Emails))),
    ("/api/v1/connections", Document::Api(Answer::Records(RecordKind::Deliveries))),
    ("/api/v1/probes", Document::Api(Answer::Records(RecordKind::Probes))),
    ("/api/v1/compare", Document::Api(Answer::Compare)),
    ("/customers", Document::Customers(Customers::Queue)),
    ("/customers/finding", Document::Customers(Customers::Finding)),
    ("/customers/question", Document::Customers(Customers::Question)),
    ("/api/v1/customers", Document::Customers(Customers::Api(Rows::Queue))),
    ("/api/v1/customers/classes", Document::Customers(Customers::Api(Rows::Classes))),
    ("/api/v1/customers/days", Document::Customers(Customers::Api(Rows::Days))),
    ("/api/v1/customers/times", Document::Customers(Customers::Api(Rows::Times))),
    ("/api/v1/customers/decoys", Document::Customers(Customers::Api(Rows::Decoys))),
    ("/api/v1/customers/finding", Document::Customers(Customers::Api(Rows::Finding))),
    ("/api/v1/customers/history", Document::Customers(Customers::Api(Rows::History))),
    ("/api/v1/customers/volume", Document::Customers(Customers::Api(Rows::Volume))),
    ("/flows", Document::Flows(FlowPage::Overview)),
    ("/flows/live", Document::Flows(FlowPage::Live)),
    ("/flows/host", Document::Flows(FlowPage::Host)),
    ("/flows/question", Document::Flows(FlowPage::Question)),
    ("/api/v1/flows", Document::Flows(FlowPage::Api(FlowRows::Totals))),
    ("/api/v1/flows/ases", Document::Flows(FlowPage::Api(FlowRows::Ases))),
    ("/api/v1/flows/hours", Document::Flows(FlowPage::Api(FlowRows::Hours))),
    ("/api/v1/flows/coverage", Document::Flows(FlowPage::Api(FlowRows::Agents))),
    ("/api/v1/flows/receiver", Document::Flows(FlowPage::Api(FlowRows::Receiver))),
    ("/api/v1/flows/classes", Document::Flows(FlowPage::Api(FlowRows::Classes))),
    ("/api/v1/flows/hosts", Document::Flows(FlowPage::Api(FlowRows::Hosts))),
    ("/api/v1/flows/instruments", Document::Flows(FlowPage::Api(FlowRows::Instruments))),
    ("/api/v1/flows/addresses", Document::Flows(FlowPage::Api(FlowRows::Addresses))),
    ("/api/v1/flows/estimates", Document::Flows(FlowPage::Api(FlowRows::Estimates))),
    ("/api/v1/flows/leads", Document::Flows(FlowPage::Api(FlowRows::Leads))),
    ("/api/v1/flows/host", Document::Flows(FlowPage::Api(FlowRows::Host))),
    ("/api/v1/flows/week", Document::Flows(FlowPage::Api(FlowRows::Week))),
    ("/api/v1/flows/live", Document::Flows(FlowPage::Api(FlowRows::Live))),
    ("/api/v1/flows/recent", Document::Flows(FlowPage::Api(FlowRows::Recent))),
    ("/api/v1/flows/volume", Document::Flows(FlowPage::Api(FlowRows::Volume))),
];

fn route(document: Document) -> MethodRouter<Arc<Desk>> {
    get(move |State(desk): State<Arc<Desk>>, uri: Uri, RawQuery(query): RawQuery, headers: HeaderMap| async move {
        answer(&desk, document, uri.path(), &query.unwrap_or_default(), &headers).await
    })
}

impl Document {
    /// The view asked for, when it can be had of this document.
    fn view(self, query: &str, now: Time) -> Result<View, Refusal> {
        let view = View::parse(query, now)?;
        if matches!(self, Self::Ranking | Self::Api(Answer::Ranking)) && view.by.is_none() {
            let words =
                format!("it is missing: what the table is by, of {}", Dimension::ALL.map(Dimension::name).join(", "));
            return Err(Refusal::parameter("by", words));
        }
        match self {
            Self::Customers(of) => of.check(&view)?,
            Self::Flows(of) => of.check(&view)?,
            _ => {
                customers::is_not_asked(&view)?;
                flows::is_not_asked(&view)?;
            }
        }
        let is_api = matches!(self, Self::Api(_) | Self::Customers(Customers::Api(_)) | Self::Flows(FlowPage::Api(_)));
        let most = if is_api { MAX_TOP_FOR_PROGRAMS } else { MAX_TOP };
        match view.top {
            Some(top) if top > most => Err(Refusal::parameter(
                "top",
                format!("a page shows at most {MAX_TOP} keys; /api/v1/ranking gives up to {MAX_TOP_FOR_PROGRAMS}"),
            )),
            _ => Ok(view),
        }
    }

    /// Keys of its tables when nobody says how many.
    const fn top(self) -> u64 {
        match self {
            Self::Ranking => MAX_TOP,
            _ => TOP,
        }
    }

    async fn render(self, snapshot: Snapshot, selection: Selection, view: &View) -> Result<Rendered, Refusal> {
        if let Self::Customers(of) = self {
            let media = if let Customers::Api(_) = of { api::media(view.format) } else { HTML };
            return Rendered::new(media, customers::render(of, &snapshot, selection.window.until, view).await?);
        }
        if let Self::Flows(of) = self {
            let media = if let FlowPage::Api(_) = of { api::media(view.format) } else { HTML };
            return Rendered::new(media, flows::render(of, &snapshot, selection.window.until, view).await?);
        }
        let page = &Page::load(snapshot, selection).await?;
        let (media, body) = match self {
            Self::Customers(_) | Self::Flows(_) => unreachable!("they were answered above"),
            Self::Overview => (HTML, page::overview(page, view).await?),
            Self::Ranking => (HTML, page::ranking(page, view).await?),
            Self::Records(kind) => (HTML, page::records(page, view, kind).await?),
            Self::Compare => (HTML, page::compare(page, view).await?),
            Self::Question => (HTML, page::question(page, view).await?),
            Self::Api(answer) => (api::media(view.format), api::answer(answer, page, view).await?),
        };
        Rendered::new(media, body)
    }

    /// The answer while there is no lake.
    fn without_lake(self, view: &View) -> Result<Rendered, Refusal> {
        match self {
            Self::Api(_) => Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, page::NO_LAKE)),
            Self::Customers(of) => Rendered::new(HTML, customers::without_mail(of, view)?),
            Self::Flows(of) => Rendered::new(HTML, flows::without_traffic(of, view)?),
            _ => Rendered::new(HTML, page::without_lake(view)?),
        }
    }
}

async fn answer(
    desk: &Desk,
    document: Document,
    path: &str,
    query: &str,
    headers: &HeaderMap,
) -> Result<Response, Refusal> {
    let now = now();
    let view = document.view(query, now)?;
    let Some(snapshot) = desk.snapshot().await? else {
        return Ok(sent(&document.without_lake(&view)?, None, headers));
    };
    let selection = view.selection(now, view.top.unwrap_or(document.top()));
    let versions: Vec<_> = snapshot.versions().iter().map(|table| table.version).collect();
    let key = format!("{} {} {versions:?}", view.link(path), selection.window.until.micros());
    // A live page is another one each second: only one that is held at an instant can be asked for again.
    let tag = view.at.map(|_| tag(&key, takes_packed(headers)));
    if tag.as_ref().is_some_and(|tag| headers.get(header::IF_NONE_MATCH).is_some_and(|known| known == tag)) {
        return Ok((StatusCode::NOT_MODIFIED, of_version(tag)).into_response());
    }
    if let Some(rendered) = desk.kept(&key) {
        return Ok(sent(&rendered, tag, headers));
    }
    let turn = desk.turn().await?;
    // Whoever had the turn before may have asked for the same.
    if let Some(rendered) = desk.kept(&key) {
        return Ok(sent(&rendered, tag, headers));
    }
    let rendered = document.render(snapshot, selection, &view).await?;
    drop(turn);
    desk.keep(key, rendered.clone());
    Ok(sent(&rendered, tag, headers))
}

fn sent(rendered: &Rendered, tag: Option<HeaderValue>, asked: &HeaderMap) -> Response {
    let mut headers = of_version(tag);
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(rendered.media));
    headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    if takes_packed(asked) {
        headers.insert(header::CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        return (headers, rendered.packed.clone()).into_response();
    }
    (headers, rendered.body.clone()).into_response()
}

fn takes_packed(headers: &HeaderMap) -> bool {
    let accepted = headers.get(header::ACCEPT_ENCODING).and_then(|value| value.to_str().ok()).unwrap_or("");
    accepted.split(',').any(|coding| matches!(coding.trim(), "gzip" | "x-gzip"))
}

/// What a document that is held at an instant may be kept by: the reader asks whether the tables are still the same.
fn of_version(tag: Option<HeaderValue>) -> HeaderMap {
    let mut headers = HeaderMap::new();
    if let Some(tag) = tag {
        headers.insert(header::ETAG, tag);
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    }
    headers
}

/// Another one for another view, other tables, another encoding, or another start of the portal, whose pages may look
/// otherwise.
fn tag(key: &str, packed: bool) -> HeaderValue {
    static STARTED: LazyLock<i64> = LazyLock::new(|| now().micros());
    let mut hasher = DefaultHasher::new();
    (key, packed, *STARTED).hash(&mut hasher);
    HeaderValue::from_str(&format!("\"{:016x}\"", hasher.finish())).unwrap_or(HeaderValue::from_static("\"\""))
}

async fn status(State(desk): State<Arc<Desk>>) -> Result<Response, Refusal> {
    let now = now();
    let body = match asked_status(&desk, now).await? {
        Some((snapshot, sensors)) => page::status(&snapshot.versions(), &sensors, now)?,
        None => page::without_lake(&View::default())?,
    };
    Ok(([(header::CONTENT_TYPE, HTML)], body).into_response())
}

async fn status_for_programs(State(desk): State<Arc<Desk>>, RawQuery(query): RawQuery) -> Result<Response, Refusal> {
    let now = now();
    let view = View::parse(&query.unwrap_or_default(), now)?;
    let Some((_, sensors)) = asked_status(&desk, now).await? else {
        return Err(Refusal::new(StatusCode::SERVICE_UNAVAILABLE, page::NO_LAKE));
    };
    let body = api::sheet(&statistics::status_sheet(&sensors), view.format)?;
    Ok(([(header::CONTENT_TYPE, api::media(view.format))], body).into_response())
}

async fn asked_status(desk: &Desk, now: Time) -> Result<Option<(Snapshot, Vec<statistics::SensorStatus>)>, Refusal> {
    let Some(snapshot) = desk.snapshot().await? else { return Ok(None) };
    let _turn = desk.turn().await?;
    let sensors = statistics::status(&snapshot, now).await?;
    Ok(Some((snapshot, sensors)))
}

async fn method() -> Result<Response, Refusal> {
    Ok(([(header::CONTENT_TYPE, HTML)], page::method()?).into_response())
}

async fn columns() -> Result<Response, Refusal> {
    Ok(([(header::CONTENT_TYPE, HTML)], page::columns()?).into_response())
}

/// A file of ours, asked for again when the portal was started anew.
async fn fixed(media: &'static str, text: &'static str) -> Response {
    let keep = (header::CACHE_CONTROL, HeaderValue::from_static("private, max-age=300"));
    ([(header::CONTENT_TYPE, HeaderValue::from_static(media)), keep], text).into_response()
}

fn now() -> Time {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::from_micros(i64::try_from(since.as_micros()).unwrap_or(i64::MAX))
}
