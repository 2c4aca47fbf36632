/** What is known of a request before its method runs. */
export interface RequestInfo {
  /** The method's NSID. */
  readonly nsid: string
  /** The HTTP method, as it was sent: cheaper than `request.method`. */
  readonly method: string
  /** The request; made when first asked for. */
  readonly request: Request
  /** A request header by its lower-case name: cheaper than `request.headers`. */
  readonly header: (name: string) => string | null
  /** The caller's address as the server trusts it; null when unknown. */
  readonly address: string | null
  /** Names this request in logs and in the `x-request-id` response header. */
  readonly requestId: string
  /** Aborted when the caller goes away or the method's time is up. */
  readonly signal: AbortSignal
}
