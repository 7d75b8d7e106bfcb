//! Conditional reads: entity tags, and 304 for a client that has the current answer already.
//!
//! Pages read the same lists again after each event. Where the answer is large, its tag is made of
//! a [`Version`] that costs less to read (see [`crate::store::views`]). Where a version would cost
//! as much as the answer, the tag is made of the answer itself: [`by_content`].
//!
//! A client that has an answer gets 304 at the cost of the version. An answer is read together with
//! its version, by one statement or the version first: then a change in between makes the answer
//! newer than its tag, and the next read gets another tag and the whole answer. A 304 is never
//! outdated.
//!
//! Tags are weak, because the same answer is also sent compressed. They depend on the user, so that
//! a browser that two users share does not take one's answer for the other's, and on the build, so
//! that a new version of the program may write answers differently.

use actix_web::body::MessageBody;
use actix_web::http::header::{self, EntityTag, Header, HeaderValue, IfNoneMatch};
use actix_web::{HttpRequest, HttpResponse};
use chrono::NaiveDateTime;
use sha2::{Digest, Sha256};

use super::response;
use crate::market::UserId;
use crate::store::views::{AccountVersions, NewestRow};

/// The source code that the program was built from.
const BUILD: &str = env!("MATCHCAST_BUILD");
/// Of the SHA-256. Half of it is more than two answers can have in common by accident.
const TAG_BYTES: usize = 16;
/// The browser may keep the answer, and asks each time whether it is still current. This is what
/// Laravel sends.
const CACHING: HeaderValue = HeaderValue::from_static("no-cache, private");
/// The answer belongs to a user.
const VARY: HeaderValue = HeaderValue::from_static("authorization, cookie");

/// Makes a tag from everything that an answer depends on.
#[must_use]
#[derive(Clone)]
pub struct Version(Sha256);

impl Version {
    /// `resource` names the kind of answer.
    pub fn of(resource: &'static str) -> Self {
        Self(Sha256::new()).bytes(BUILD.as_bytes()).bytes(resource.as_bytes())
    }

    fn bytes(mut self, bytes: &[u8]) -> Self {
        // The length first: no two lists of parts have the same hash.
        self.0.update(bytes.len().to_be_bytes());
        self.0.update(bytes);
        self
    }

    pub fn user(self, user: UserId) -> Self {
        self.number(user.0)
    }

    pub fn number(self, number: i64) -> Self {
        self.bytes(&number.to_be_bytes())
    }

    pub fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes())
    }

    pub fn time(self, at: Option<NaiveDateTime>) -> Self {
        match at {
            None => self.bytes(b""),
            Some(at) => self.number(at.and_utc().timestamp_micros()),
        }
    }

    /// What the request asks for.
    pub fn parameters_of(self, request: &HttpRequest) -> Self {
        self.bytes(request.query_string().as_bytes())
    }

    /// A user's accounts by asset, which are changed with the user's orders and trades as well.
    pub fn accounts(self, user: UserId, versions: &AccountVersions) -> Self {
        let of_user = self.user(user);
        versions
            .iter()
            .copied()
            .fold(of_user, |all, (asset, version)| all.number(asset.into()).number(version))
    }

    /// The newest row of a list that only grows.
    pub fn newest(self, row: Option<NewestRow>) -> Self {
        match row {
            None => self.bytes(b""),
            Some((id, at)) => self.number(id).number(at.and_utc().timestamp_micros()),
        }
    }

    pub fn tag(self) -> Tag {
        let hash = self.0.finalize();
        let tag = EntityTag::new_weak(hex::encode(&hash[..TAG_BYTES]));
        let header = HeaderValue::try_from(tag.to_string());
        Tag { tag, header: header.expect("a tag has only visible characters") }
    }
}

/// The tag of an answer.
pub struct Tag {
    tag: EntityTag,
    header: HeaderValue,
}

impl Tag {
    /// 304 if the client has the answer with this tag.
    pub fn not_modified(&self, request: &HttpRequest) -> Option<HttpResponse> {
        // Most clients send the one tag that they have got.
        let sent = request.headers().get(header::IF_NONE_MATCH);
        if sent != Some(&self.header) && !has_current(request, &self.tag) {
            return None;
        }
        response::recovered();
        Some(self.on(HttpResponse::NotModified().finish()))
    }

    /// The answer with its tag.
    pub fn on(&self, mut response: HttpResponse) -> HttpResponse {
        let headers = response.headers_mut();
        headers.insert(header::ETAG, self.header.clone());
        headers.insert(header::CACHE_CONTROL, CACHING);
        headers.insert(header::VARY, VARY);
        response
    }
}

/// The answer with a tag made of its body, or 304 if the client has it.
pub fn by_content(request: &HttpRequest, version: Version, response: HttpResponse) -> HttpResponse {
    let (head, body) = response.into_parts();
    match body.try_into_bytes() {
        Ok(body) => {
            let tag = version.bytes(&body).tag();
            let response = head.set_body(body).map_into_boxed_body();
            tag.not_modified(request).unwrap_or_else(|| tag.on(response))
        }
        // A stream: its tag would be known too late.
        Err(body) => head.set_body(body),
    }
}

/// Whether the client has an answer, and asks whether it is current: then it is worth while to read
/// the version first.
pub fn is_conditional(request: &HttpRequest) -> bool {
    request.headers().contains_key(header::IF_NONE_MATCH)
}

/// Whether the client has what this tag stands for.
pub fn has_current(request: &HttpRequest, current: &EntityTag) -> bool {
    match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|tag| tag.weak_eq(current)),
        Err(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{Tag, Version};
    use crate::market::UserId;
    use crate::store::now;

    #[test]
    fn tags_are_equal_exactly_if_everything_else_is() {
        let at = now();
        let make: [&dyn Fn() -> Version; 8] = [
            &|| Version::of("a"),
            &|| Version::of("b"),
            &|| Version::of("a").user(UserId(1)),
            &|| Version::of("a").user(UserId(2)),
            &|| Version::of("a").user(UserId(1)).number(1),
            &|| Version::of("a").newest(None),
            &|| Version::of("a").newest(Some((1, at))),
            &|| Version::of("a").newest(Some((1, at + chrono::TimeDelta::microseconds(1)))),
        ];
        let text = |Tag { tag, .. }: Tag| tag.to_string();
        for (n, one) in make.iter().enumerate() {
            for (m, other) in make.iter().enumerate() {
                assert_eq!(text(one().tag()) == text(other().tag()), n == m, "{n} {m}");
            }
        }
    }
}
