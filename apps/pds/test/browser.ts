// A browser without scripts, over real sockets: cookies, forms, and the headers that tell where a request comes from.
import { request } from 'node:http'

/** What a page answered. */
export interface Seen {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly cookies: readonly string[]
  readonly text: string
  readonly bytes: Uint8Array
  /** The heading of the page. */
  readonly title: string
}

/** How a request differs from that of a browser that goes there. */
export interface Visiting {
  /** Headers to add, or with null to leave out. */
  readonly headers?: Readonly<Record<string, string | null>>
  readonly body?: string
  readonly method?: string
}

/** A browser with its cookies. */
export interface TestBrowser {
  readonly cookies: Map<string, string>
  /** Goes to a page. */
  visit(url: string, options?: Visiting): Promise<Seen>
  /** Posts fields as a form of a page of the same server. */
  post(url: string, fields: readonly (readonly [string, string])[], options?: Visiting): Promise<Seen>
  /** Posts the form of a page whose hidden field `do` is this, with what its inputs hold, and these in their place. */
  submit(page: Seen, act: string, typed?: Readonly<Record<string, string | readonly string[]>>): Promise<Seen>
}

const text = (markup: string): string =>
  markup
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')

function formOf(page: Seen, act: string): RegExpExecArray {
  const forms = [...page.text.matchAll(/<form\s+method="post"\s+action="([^"]*)"[^>]*>(.*?)<\/form>/gs)]
  const form = forms.find(([, , inner]) => inner!.includes(`name="do" value="${act}"`))
  if (form === undefined) throw new Error(`no form ${act} on the page ${page.title}: ${page.text}`)
  return form
}

/** The fields of a form as a browser would send them untouched. */
export function fieldsOf(page: Seen, act: string): [string, string][] {
  const form = formOf(page, act)
  const fields: [string, string][] = []
  for (const [, attributes] of form[2]!.matchAll(/<input\s([^>]*)>/g)) {
    const of = (name: string): string | undefined => new RegExp(`${name}="([^"]*)"`).exec(attributes!)?.[1]
    if (of('type') === 'checkbox' && !/\schecked/.test(attributes!)) continue
    fields.push([text(of('name')!), text(of('value') ?? '')])
  }
  return fields
}

/** What the form of a page asks a passkey. */
export function passkeyOptions(page: Seen, act: string): any {
  return JSON.parse(text(/data-options="([^"]*)"/.exec(formOf(page, act)[0])![1]!))
}

/** A browser that has been nowhere yet. @param origin where forms go */
export function createBrowser(origin: () => string): TestBrowser {
  const cookies = new Map<string, string>()

  const send = async (url: string, base: Record<string, string>, options: Visiting): Promise<Seen> => {
    const target = new URL(url)
    const headers: Record<string, string> = { host: target.host, 'user-agent': 'Test', ...base }
    if (cookies.size > 0)
      headers['cookie'] = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    if (options.body !== undefined) headers['content-length'] = String(Buffer.byteLength(options.body))
    for (const [name, value] of Object.entries(options.headers ?? {})) {
      if (value === null) delete headers[name]
      else headers[name] = value
    }
    const method = options.method ?? (options.body === undefined ? 'GET' : 'POST')
    const seen = await new Promise<Seen>((resolve, reject) => {
      const asked = request(
        { host: '127.0.0.1', port: target.port, path: target.pathname + target.search, method, headers },
        (answer) => {
          const chunks: Buffer[] = []
          answer.on('data', (chunk: Buffer) => chunks.push(chunk))
          answer.on('end', () => {
            const bytes = Buffer.concat(chunks)
            const body = bytes.toString()
            resolve({
              status: answer.statusCode!,
              headers: answer.headers as Record<string, string>,
              cookies: answer.headers['set-cookie'] ?? [],
              text: body,
              bytes,
              title: text(/<h1>(.*?)<\/h1>/s.exec(body)?.[1] ?? ''),
            })
          })
          answer.on('error', reject)
        },
      )
      asked.on('error', reject)
      asked.end(options.body)
    })
    for (const cookie of seen.cookies) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(cookie)!
      cookies.set(name!, value!)
    }
    return seen
  }

  const browser: TestBrowser = {
    cookies,
    visit: (url, options = {}) =>
      send(
        url,
        { 'sec-fetch-mode': 'navigate', 'sec-fetch-dest': 'document', 'sec-fetch-site': 'cross-site' },
        options,
      ),
    post: (url, fields, options = {}) =>
      send(
        url,
        {
          'content-type': 'application/x-www-form-urlencoded',
          'sec-fetch-mode': 'navigate',
          'sec-fetch-dest': 'document',
          'sec-fetch-site': 'same-origin',
          origin: new URL(url).origin,
        },
        {
          body: new URLSearchParams(
            fields.map(([name, value]): [string, string] => [name, value]),
          ).toString(),
          ...options,
        },
      ),
    submit: async (page, act, typed = {}) => {
      const url = origin() + text(formOf(page, act)[1]!)
      const kept = fieldsOf(page, act).filter(([name]) => !(name in typed))
      const added = Object.entries(typed).flatMap(([name, values]) =>
        (typeof values === 'string' ? [values] : values).map((value): [string, string] => [name, value]),
      )
      return browser.post(url, [...kept, ...added])
    },
  }
  return browser
}
