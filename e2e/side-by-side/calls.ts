// A call is a value: what is sent, by whom, and what of the answer later calls use. Text in braces stands for a saved value:
// `{alice.did}`. Where it is the whole text, the value itself (an object, bytes) takes its place.
import { ADMIN_PASSWORD, type Side } from './servers.ts'
import { send, type RawAnswer } from './http.ts'

/** One call, the same for both servers. */
export interface Call {
  /** Unique; `<method>: <situation>`. The allow-list names calls by it. */
  readonly name: string
  readonly method: string
  /** From the first slash. */
  readonly path: string
  readonly params?: Readonly<Record<string, unknown>>
  /** Sent as JSON. */
  readonly input?: unknown
  /** Sent as they are; text is a saved value in braces. */
  readonly bytes?: Uint8Array | string
  readonly headers?: Readonly<Record<string, string>>
  /** A principal whose `accessJwt` was saved, `admin`, or the whole header where it has a space. */
  readonly auth?: string
  /** Names of values to keep, each with its path in the body; `*` is the whole body, bytes or parsed. */
  readonly save?: Readonly<Record<string, string>>
  /** Set where later calls build on this one: it has to succeed on both servers. */
  readonly mustSucceed?: boolean
  /** Paths of lists whose order means nothing, as `body.blobs`. */
  readonly unordered?: readonly string[]
}

type Extra = Omit<Partial<Call>, 'name' | 'path' | 'input' | 'params'>

/** A query. `situation` says what is special about it. */
export function get(nsid: string, situation: string, params: Call['params'] = {}, extra: Extra = {}): Call {
  return { name: `${nsid}: ${situation}`, method: 'GET', path: `/xrpc/${nsid}`, params, ...extra }
}

/** A procedure with a JSON body; undefined sends none. */
export function post(nsid: string, situation: string, input?: unknown, extra: Extra = {}): Call {
  const body = input === undefined ? {} : { input }
  return { name: `${nsid}: ${situation}`, method: 'POST', path: `/xrpc/${nsid}`, ...body, ...extra }
}

/** A procedure with a body that is not JSON. */
export function upload(
  nsid: string,
  situation: string,
  bytes: Uint8Array | string,
  type: string,
  extra: Extra = {},
): Call {
  const headers = { 'content-type': type, ...extra.headers }
  return { name: `${nsid}: ${situation}`, method: 'POST', path: `/xrpc/${nsid}`, bytes, ...extra, headers }
}

/** A sign-up that saves `<name>.did`, `.handle`, `.accessJwt` and `.refreshJwt`. */
export function signUp(name: string, situation = `${name} signs up`): Call {
  return post(
    'com.atproto.server.createAccount',
    situation,
    { handle: `${name}.test`, email: `${name}@example.com`, password: PASSWORD },
    { save: session(name), mustSucceed: true },
  )
}

/** A sign-in as a principal of that name. */
export function signIn(
  principal: string,
  identifier: string,
  password: string,
  situation: string,
  more: object = {},
): Call {
  return post(
    'com.atproto.server.createSession',
    situation,
    { identifier, password, ...more },
    { save: session(principal) },
  )
}

/** What a session's answer leaves behind. */
export const session = (principal: string): Record<string, string> =>
  Object.fromEntries(
    ['did', 'handle', 'accessJwt', 'refreshJwt'].map((field) => [`${principal}.${field}`, field]),
  )

export const PASSWORD = 'correct horse battery'

/** The saved values of one side. */
export class Values {
  readonly side: Side
  readonly #values = new Map<string, unknown>()

  constructor(side: Side) {
    this.side = side
    const second = Math.floor(Date.now() / 1000)
    const own: Record<string, unknown> = {
      'server.did': side.did,
      'server.url': side.url,
      'server.host': new URL(side.url).host,
      'appView.did': side.appView.did,
      'moderation.did': side.moderation.did,
      'time.past': new Date(0).toISOString(),
      'time.in60Days': new Date((second + 60 * 86_400) * 1000).toISOString(),
      'time.second-60': second - 60,
      'time.second+50': second + 50,
      'time.second+1800': second + 1800,
      'time.second+7200': second + 7200,
    }
    for (const [name, value] of Object.entries(own)) this.#values.set(name, value)
  }

  get(name: string): unknown {
    return this.#values.get(name)
  }

  set(name: string, value: unknown): void {
    this.#values.set(name, value)
  }

  /** The value with every text in braces replaced; `{code:address}` is the newest mailed code. */
  async fill(value: unknown): Promise<unknown> {
    if (typeof value === 'string') return this.#fillText(value)
    if (Array.isArray(value)) return Promise.all(value.map((item) => this.fill(item)))
    if (value === null || typeof value !== 'object' || value instanceof Uint8Array) return value
    const filled: Record<string, unknown> = {}
    for (const [key, item] of Object.entries(value)) filled[key] = await this.fill(item)
    return filled
  }

  async #fillText(text: string): Promise<unknown> {
    const whole = /^\{([a-zA-Z][\w.:@+-]*)\}$/.exec(text)
    if (whole) return this.#find(whole[1]!)
    let filled = text
    for (const [braces, name] of text.matchAll(/\{([a-zA-Z][\w.:@+-]*)\}/g)) {
      filled = filled.replace(braces, String(await this.#find(name!)))
    }
    return filled
  }

  async #find(name: string): Promise<unknown> {
    if (name.startsWith('code:')) return this.side.mail.code(name.slice(5))
    if (!this.#values.has(name)) throw new Error(`no call before this one saved ${name}`)
    return this.#values.get(name)
  }
}

/** Makes the call and saves what it says. */
export async function perform(call: Call, values: Values): Promise<RawAnswer> {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries((await values.fill(call.params ?? {})) as object)) {
    for (const item of Array.isArray(value) ? value : [value]) search.append(name, String(item))
  }
  const path = String(await values.fill(call.path))
  const headers = (await values.fill(call.headers ?? {})) as Record<string, string>
  if (call.auth !== undefined) headers['authorization'] = String(await values.fill(authorization(call.auth)))
  let body: Uint8Array | undefined
  if (call.bytes !== undefined) {
    const bytes = await values.fill(call.bytes)
    body = bytes instanceof Uint8Array ? bytes : Buffer.from(String(bytes))
  } else if (call.input !== undefined) {
    body = Buffer.from(JSON.stringify(await values.fill(call.input)))
    headers['content-type'] ??= 'application/json'
  }
  const query = search.size === 0 ? '' : `?${search}`
  const request = {
    method: call.method,
    path: path + query,
    headers,
    ...(body === undefined ? {} : { body }),
  }
  const answer = await send(values.side.url, request)
  for (const [name, at] of Object.entries(call.save ?? {})) {
    if (answer.status === 200) values.set(name, pick(answer, at))
  }
  return answer
}

function authorization(auth: string): string {
  if (auth.includes(' ') || auth === '') return auth
  if (auth === 'admin') return `Basic ${Buffer.from(`admin:${ADMIN_PASSWORD}`).toString('base64')}`
  return `Bearer {${auth}.accessJwt}`
}

function pick(answer: RawAnswer, at: string): unknown {
  const json = answer.headers['content-type']?.startsWith('application/json') ?? false
  if (!json) return answer.bytes
  let value = JSON.parse(Buffer.from(answer.bytes).toString('utf8')) as any
  if (at !== '*') for (const key of at.split('.')) value = value?.[key]
  return value
}
