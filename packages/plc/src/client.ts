// https://web.plc.directory/api/redoc
import type { Did } from '@avocet/syntax'
import type { PlcDidDocument } from './document.ts'
import { fail, PlcError, type PlcResult } from './error.ts'
import { readLines, readText } from './read-body.ts'
import { parseAuditLog, parseLog, parseLogEntry, parseOperation } from './parse.ts'
import type { LogEntry, PlcData, SignedOperation } from './types.ts'

/** Options of {@link plcClient}. */
export interface PlcClientOptions {
  /** The directory's origin; default `https://plc.directory`. */
  readonly url?: string
  /** Default: the platform's. */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>
  /** For a whole request and its answer; default 10 000. */
  readonly timeoutMs?: number
  /** Of an answer but an export; default 4 MiB. */
  readonly maxBytes?: number
}

/** Where an export starts, and how it pages. */
export interface ExportOptions {
  /** Only entries accepted after this time (ISO 8601); default: from the first. */
  readonly after?: string
  /** Entries per request, 1 to 1000; default 1000. */
  readonly pageSize?: number
  readonly signal?: AbortSignal
}

/** Per-request options. */
export interface RequestOptions {
  readonly signal?: AbortSignal
}

/** A client of a did:plc directory. Failures are values, but those of the `export` stream, which are thrown. */
export interface PlcClient {
  /** The DID document. `not-found`, `tombstoned`, … */
  resolve(did: Did, options?: RequestOptions): Promise<PlcResult<PlcDidDocument>>
  /** The state behind the document. */
  data(did: Did, options?: RequestOptions): Promise<PlcResult<PlcData>>
  /** The operations in force, oldest first. Not verified: give it to `verifyLog`. */
  log(did: Did, options?: RequestOptions): Promise<PlcResult<SignedOperation[]>>
  /** Every operation ever accepted, with its time. Not verified: give it to `verifyAuditLog`. */
  auditLog(did: Did, options?: RequestOptions): Promise<PlcResult<LogEntry[]>>
  /** The newest operation in force. */
  lastOperation(did: Did, options?: RequestOptions): Promise<PlcResult<SignedOperation>>
  /** Hands an operation in. `rejected` carries the directory's reason. */
  submit(did: Did, operation: SignedOperation, options?: RequestOptions): Promise<PlcResult<void>>
  /**
   * Every entry of the directory in the order it was accepted, page after page until the newest.
   * @throws {PlcError}
   */
  export(options?: ExportOptions): AsyncGenerator<LogEntry, void, undefined>
}

const MAX_LINE_BYTES = 128 * 1024

/** A client of the did:plc directory at `url`. */
export function plcClient(options: PlcClientOptions = {}): PlcClient {
  const base = (options.url ?? 'https://plc.directory').replace(/^(.*[^/])?\/*$/s, '$1')
  const { timeoutMs = 10_000, maxBytes = 4 * 1024 * 1024 } = options
  const send = options.fetch ?? ((url: string, init: RequestInit): Promise<Response> => fetch(url, init))

  async function request<T>(
    path: string,
    init: RequestInit,
    signal: AbortSignal | undefined,
    read: (response: Response) => Promise<PlcResult<T>>,
  ): Promise<PlcResult<T>> {
    const timeout = AbortSignal.timeout(timeoutMs)
    try {
      const response = await send(base + path, {
        ...init,
        signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
      })
      if (response.ok) return await read(response)
      return refusal(path, response.status, await readText(response, 64 * 1024))
    } catch (cause) {
      if (cause instanceof PlcError) return { ok: false, error: cause }
      if (signal?.aborted) return fail('aborted', `request was aborted; path=${path}`, { cause })
      if (timeout.aborted)
        return fail('timeout', `directory did not answer in time; path=${path} ms=${timeoutMs}`)
      return fail('network', `directory could not be reached; path=${path}`, { cause })
    }
  }

  const get = <T>(
    path: string,
    parse: (json: unknown) => PlcResult<T>,
    signal?: AbortSignal,
  ): Promise<PlcResult<T>> =>
    request(path, { headers: { accept: 'application/json' } }, signal, async (response) => {
      const text = await readText(response, maxBytes)
      let json: unknown
      try {
        json = JSON.parse(text)
      } catch (cause) {
        return fail('invalid-response', `answer is not JSON; path=${path}`, {
          cause,
          status: response.status,
        })
      }
      return parse(json)
    })

  async function* exportEntries({ after, pageSize = 1000, signal }: ExportOptions = {}): AsyncGenerator<
    LogEntry,
    void,
    undefined
  > {
    for (let cursor = after; ;) {
      const query = new URLSearchParams({ count: String(pageSize) })
      if (cursor !== undefined) query.set('after', cursor)
      const page = await request(
        `/export?${query}`,
        { headers: { accept: 'application/jsonlines' } },
        signal,
        async (response): Promise<PlcResult<LogEntry[]>> => {
          const entries: LogEntry[] = []
          for await (const line of readLines(response, MAX_LINE_BYTES, pageSize)) {
            const entry = parseLogEntry(parseJson(line))
            if (!entry.ok) return entry
            entries.push(entry.value)
          }
          return { ok: true, value: entries }
        },
      )
      if (!page.ok) throw page.error
      yield* page.value
      const last = page.value.at(-1)
      if (last === undefined || page.value.length < pageSize) return
      // A directory that answers the same page for ever must not keep us for ever.
      if (last.createdAt === cursor) {
        throw new PlcError('invalid-response', `export does not advance; after=${cursor}`)
      }
      cursor = last.createdAt
    }
  }

  return {
    resolve: (did, o) => get(`/${did}`, parseDocument(did), o?.signal),
    data: (did, o) => get(`/${did}/data`, parseData(did), o?.signal),
    log: (did, o) => get(`/${did}/log`, parseLog, o?.signal),
    auditLog: (did, o) => get(`/${did}/log/audit`, parseAuditLog, o?.signal),
    lastOperation: (did, o) => get(`/${did}/log/last`, parseOperation, o?.signal),
    submit: (did, operation, o) =>
      request(
        `/${did}`,
        { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(operation) },
        o?.signal,
        async (response) => {
          await response.body?.cancel()
          return { ok: true, value: undefined }
        },
      ),
    export: exportEntries,
  }
}

function refusal(
  path: string,
  status: number,
  body: string,
): { readonly ok: false; readonly error: PlcError } {
  const said = messageOf(body)
  const detail = `path=${path} status=${status}${said === null ? '' : ` message=${JSON.stringify(said)}`}`
  // Older directories answer 404 for a tombstone too and tell the two apart in words only.
  if (status === 410 || (status === 404 && said?.startsWith('DID not available'))) {
    return fail('tombstoned', `DID is tombstoned; ${detail}`, { status })
  }
  if (status === 404) return fail('not-found', `DID is not registered; ${detail}`, { status })
  if (status === 429) return fail('rate-limited', `directory limits the rate; ${detail}`, { status })
  if (status >= 400 && status < 500) return fail('rejected', `directory refused; ${detail}`, { status })
  return fail('network', `directory failed; ${detail}`, { status })
}

function messageOf(body: string): string | null {
  const json = parseJson(body)
  const message =
    typeof json === 'object' && json !== null ? (json as { message?: unknown }).message : undefined
  return typeof message === 'string' ? message.slice(0, 300) : null
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function parseDocument(did: Did): (json: unknown) => PlcResult<PlcDidDocument> {
  return (json) => {
    const document = json as Partial<PlcDidDocument> | null
    if (typeof document !== 'object' || document === null || document.id !== did) {
      return fail('invalid-response', `answer is not the DID's document; did=${did}`)
    }
    const { alsoKnownAs = [], verificationMethod = [], service = [] } = document
    if (![alsoKnownAs, verificationMethod, service].every(Array.isArray)) {
      return fail('invalid-response', `document has fields of a wrong type; did=${did}`)
    }
    return { ok: true, value: { ...document, alsoKnownAs, verificationMethod, service } as PlcDidDocument }
  }
}

function parseData(did: Did): (json: unknown) => PlcResult<PlcData> {
  return (json) => {
    if (typeof json !== 'object' || json === null || (json as PlcData).did !== did) {
      return fail('invalid-response', `answer is not the DID's data; did=${did}`)
    }
    const { rotationKeys, verificationMethods, alsoKnownAs, services } = json as PlcData
    // The same fields as an operation's, and the same rules for them.
    const fields = { rotationKeys, verificationMethods, alsoKnownAs, services }
    const parsed = parseOperation({ ...fields, type: 'plc_operation', prev: null, sig: '' })
    if (!parsed.ok) return fail('invalid-response', parsed.error.message, { cause: parsed.error })
    return { ok: true, value: { did, ...fields } }
  }
}
