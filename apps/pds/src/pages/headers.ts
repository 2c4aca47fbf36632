/** What a page may load, and where it may stand. */
export interface PolicyOptions {
  /** The style sheet of the page. */
  readonly styleSource: string
  /** Its script; null, the default, for none. */
  readonly scriptSource?: string | null
  readonly isSecure: boolean
  /**
   * Whether a form of the page may be answered with a way to another site. Browsers hold `form-action` against every redirect that
   * follows, those of the app too, so that such a page cannot name where its form goes.
   */
  readonly leavesSite: boolean
}

/** Headers of every page. */
export function pageHeaders({
  styleSource,
  scriptSource = null,
  isSecure,
  leavesSite,
}: PolicyOptions): Readonly<Record<string, string>> {
  const policy = [
    `default-src 'none'`,
    `style-src ${styleSource}`,
    ...(scriptSource === null ? [] : [`script-src ${scriptSource}`]),
    `img-src 'self' https:`,
    `frame-ancestors 'none'`,
    `base-uri 'none'`,
    ...(leavesSite ? [] : [`form-action 'self'`]),
    ...(isSecure ? ['upgrade-insecure-requests'] : []),
  ]
  return {
    'content-type': 'text/html; charset=utf-8',
    'cache-control': 'no-store',
    'content-security-policy': policy.join('; '),
    'cross-origin-opener-policy': 'same-origin',
    'cross-origin-resource-policy': 'same-origin',
    'permissions-policy': 'camera=(), geolocation=(), microphone=(), payment=(), usb=()',
    'referrer-policy': 'same-origin',
    'x-content-type-options': 'nosniff',
    'x-frame-options': 'DENY',
    vary: 'Cookie, Accept-Language',
    ...(isSecure ? { 'strict-transport-security': 'max-age=63072000' } : {}),
  }
}
