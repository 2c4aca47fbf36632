// https://atproto.com/specs/oauth#tokens-and-session-lifetime

/** How long things live, in seconds. */
export interface Lifetimes {
  /** A pushed request, counted anew whenever its page is opened. Default 300. */
  readonly request: number
  /** A code. Default 60. */
  readonly code: number
  /** An access token. Default 900. */
  readonly access: number
  /** How long the token before the last one gives the last one again. Default 60. */
  readonly grace: number
  /** The whole session of a public client. Default 14 days, the most that the specification allows. */
  readonly publicSession: number
  /** The whole session of a client that proves who it is, or is trusted. Default 2 years. */
  readonly confidentialSession: number
  /** A refresh token of such a client. Default 180 days. */
  readonly confidentialRefresh: number
}

/** The defaults of {@link Lifetimes}. */
export const LIFETIMES: Lifetimes = {
  request: 300,
  code: 60,
  access: 900,
  grace: 60,
  publicSession: 14 * 86_400,
  confidentialSession: 730 * 86_400,
  confidentialRefresh: 180 * 86_400,
}

/** Bounds on what is kept. What one request may send is fixed: see the README. */
export interface OAuthLimits {
  /** Pushed requests under way of public clients that are counted together. Default 100. */
  readonly requestsPerOrigin: number
  /** Those of one client that proves who it is. Default 5,000. */
  readonly requestsPerClient: number
  /** Those of all. Default 20,000. */
  readonly requests: number
  /** Sessions of one account. Default 500; the one renewed longest ago ends for the next. */
  readonly sessionsPerAccount: number
  /** Sessions of one account with one client. Default 50, likewise. */
  readonly sessionsPerClient: number
  /** Client documents and keys remembered, in bytes of their text. Default 16 MiB. */
  readonly clientCacheBytes: number
  /** Client documents and keys fetched at once. Default 64. */
  readonly clientFetches: number
}

/** The defaults of {@link OAuthLimits}. */
export const LIMITS: OAuthLimits = {
  requestsPerOrigin: 100,
  requestsPerClient: 5000,
  requests: 20_000,
  sessionsPerAccount: 500,
  sessionsPerClient: 50,
  clientCacheBytes: 16 << 20,
  clientFetches: 64,
}
