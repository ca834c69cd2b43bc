/**
 * Why a request was not simply served: the closed list that the response, the log, the metric and
 * `explain` share. A word is never reused for a second meaning.
 */
export type Reason = keyof typeof STATUS_OF_REASON

/** The HTTP status of each refusal (RFC 9110 §15). A new reason needs its line here. */
export const STATUS_OF_REASON = {
  no_session: 401,
  session_expired: 401,
  session_idle: 401,
  session_revoked: 401,
  session_superseded: 401,
  refresh_rejected: 401,
  step_up_required: 401,
  claims_unmet: 403,
  insufficient_scope: 403,
  cross_site_refused: 403,
  origin_refused: 403,
  path_refused: 400,
  request_malformed: 400,
  parameter_refused: 400,
  host_refused: 421,
  method_not_allowed: 405,
  route_not_found: 404,
  request_timeout: 408,
  body_too_large: 413,
  headers_too_large: 431,
  rate_limited: 429,
  uri_too_long: 414,
  expectation_refused: 417,
  upgrade_refused: 426,
  proxy_loop: 508,
  store_unavailable: 503,
  provider_unavailable: 503,
  provider_error: 502,
  upstream_unreachable: 502,
  upstream_timeout: 504,
  upstream_protocol_error: 502,
  overloaded: 503,
  login_state_unknown: 400,
  login_cookie_missing: 400,
  login_refused: 403,
  login_loop: 403,
  step_up_failed: 403,
  logout_token_invalid: 400,
  internal_error: 500,
} as const
