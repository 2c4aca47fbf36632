// DNS over HTTPS in its JSON form, for platforms without DNS.
// https://developers.cloudflare.com/1.1.1.1/encryption/dns-over-https/make-api-requests/dns-json/
import { fail, failWith } from './error.ts'
import { MAX_DNS_NAME, type LookupTxt } from './dns.ts'
import { platformFetch, readText, type Fetch } from './fetch.ts'

/** Options of {@link createDohLookup}. */
export interface DohOptions {
  /** Default `https://cloudflare-dns.com/dns-query`. */
  readonly url?: string
  /** Default: the platform's. */
  readonly fetch?: Fetch
  /** Default 5 000. */
  readonly timeoutMs?: number
}

const TXT = 16
const MAX_BYTES = 64 * 1024
/**
 * `"…" "…"`: quoted pieces, with `\"`, `\\` and `\DDD` within (RFC 1035 section 5.1). A last piece without its closing
 * quote counts too: an expression that gave up on it would begin anew at each quote within.
 */
const PIECE = /"((?:[^"\\]|\\[^])*)(?:"|\\?$)/g

/** TXT records by DNS over HTTPS. Fails with `timeout`, `dns-failure`, `network` or `aborted`. */
export function createDohLookup(options: DohOptions = {}): LookupTxt {
  const { url = 'https://cloudflare-dns.com/dns-query', timeoutMs = 5_000 } = options
  const send: Fetch = options.fetch ?? platformFetch
  return async (name, { signal } = {}) => {
    if (name.length > MAX_DNS_NAME) return { ok: true, value: [] }
    const timeout = AbortSignal.timeout(timeoutMs)
    try {
      const response = await send(`${url}?name=${encodeURIComponent(name)}&type=TXT`, {
        headers: { accept: 'application/dns-json' },
        signal: signal === undefined ? timeout : AbortSignal.any([signal, timeout]),
      })
      const text = await readText(response, MAX_BYTES)
      if (!response.ok) return fail('dns-failure', `DNS failed; name=${name}`, { status: response.status })
      return readAnswer(JSON.parse(text), name)
    } catch (cause) {
      if (cause instanceof SyntaxError)
        return fail('dns-failure', `DNS answer is not JSON; name=${name}`, { cause })
      return failWith(cause, `name=${name}`, signal)
    }
  }
}

function readAnswer(json: unknown, name: string): Awaited<ReturnType<LookupTxt>> {
  const { Status: status, Answer: answer } = (json ?? {}) as { Status?: unknown; Answer?: unknown }
  // 3 is NXDOMAIN.
  if (status === 3) return { ok: true, value: [] }
  if (status !== 0) return fail('dns-failure', `DNS failed; name=${name} rcode=${String(status)}`)
  const records: unknown[] = Array.isArray(answer) ? answer : []
  const texts = records.flatMap((record) => {
    const { type, data } = (record ?? {}) as { type?: unknown; data?: unknown }
    return type === TXT && typeof data === 'string' ? [unquote(data)] : []
  })
  return { ok: true, value: texts }
}

function unquote(data: string): string {
  if (!data.startsWith('"')) return data
  return Array.from(data.matchAll(PIECE), ([, piece = '']) =>
    piece.replaceAll(/\\([0-9]{3}|.)/g, (_, escaped: string) =>
      escaped.length === 3 ? String.fromCharCode(Number(escaped)) : escaped,
    ),
  ).join('')
}
