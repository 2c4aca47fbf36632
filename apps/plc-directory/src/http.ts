// https://web.plc.directory/api/redoc
import { dataToDidDocument, isPlcDid, operationData, type PlcError, type PlcErrorCode } from '@avocet/plc'
import type { Did } from '@avocet/syntax'
import { Hono } from 'hono'
import { bodyLimit } from 'hono/body-limit'
import { cors } from 'hono/cors'
import { HTTPException } from 'hono/http-exception'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import type { OperationStore } from './store.ts'
import type { Submit } from './submit.ts'

/** Far above the largest operation, whatever its JSON looks like. */
const MAX_BODY_BYTES = 64 * 1024
const MAX_EXPORT = 1000

/** The codes of a submitted operation that are not simply a bad one. */
const STATUS: Partial<Record<PlcErrorCode, ContentfulStatusCode>> = { 'rate-limited': 429 }

/** What the HTTP API is made of. */
export interface HttpOptions {
  readonly store: OperationStore
  readonly submit: Submit
  readonly version: string
  /** Told of faults that are answered with 500. */
  readonly onError: (error: unknown) => void
}

/** The directory's HTTP API. */
export function createHttp({ store, submit, version, onError }: HttpOptions): Hono {
  const app = new Hono()

  const refuse = (status: ContentfulStatusCode, message: string): HTTPException =>
    new HTTPException(status, { message })
  const unknown = (did: string): HTTPException => refuse(404, `DID not registered: ${did}`)

  /** The state of a DID. @throws 404 when it is not registered, 410 when it is tombstoned */
  const state = (did: string): NonNullable<ReturnType<typeof operationData>> => {
    const last = isPlcDid(did) ? store.last(did) : null
    if (last === null) throw unknown(did)
    const data = operationData(did as Did, last)
    if (data === null) throw refuse(410, `DID not available: ${did}`)
    return data
  }

  app.use(cors())
  app.onError((error, c) => {
    if (error instanceof HTTPException) return c.json({ message: error.message }, error.status)
    onError(error)
    return c.json({ message: 'Internal Server Error' }, 500)
  })
  app.notFound((c) => c.json({ message: 'Not Found' }, 404))

  app.get('/', (c) => c.text('This is a did:plc directory. See https://web.plc.directory for its API.\n'))
  app.get('/_health', (c) => c.json({ version }))

  app.get('/export', (c) => {
    const entries = store.export(readAfter(c.req.query('after')), readCount(c.req.query('count')))
    const body = entries.map((entry) => JSON.stringify(entry)).join('\n')
    return c.body(body, 200, { 'content-type': 'application/jsonlines' })
  })

  app.get('/:did', (c) => {
    const document = dataToDidDocument(state(c.req.param('did')))
    return c.body(JSON.stringify(document), 200, { 'content-type': 'application/did+ld+json; charset=utf-8' })
  })
  app.get('/:did/data', (c) => c.json(state(c.req.param('did'))))
  app.get('/:did/log', (c) => {
    const did = c.req.param('did')
    const history = isPlcDid(did) ? store.history(did) : []
    if (history.length === 0) throw unknown(did)
    return c.json(history.map((entry) => entry.operation))
  })
  app.get('/:did/log/audit', (c) => {
    const did = c.req.param('did')
    const entries = isPlcDid(did) ? store.audit(did) : []
    if (entries.length === 0) throw unknown(did)
    return c.json(entries)
  })
  app.get('/:did/log/last', (c) => {
    const did = c.req.param('did')
    const last = isPlcDid(did) ? store.last(did) : null
    if (last === null) throw unknown(did)
    return c.json(last)
  })

  app.post(
    '/:did',
    bodyLimit({
      maxSize: MAX_BODY_BYTES,
      onError: () => {
        throw refuse(413, `Body too large (${MAX_BODY_BYTES} bytes maximum)`)
      },
    }),
    async (c) => {
      let json: unknown
      try {
        json = JSON.parse(await c.req.text())
      } catch {
        throw refuse(400, 'Body is not JSON')
      }
      const result = await submit(c.req.param('did'), json)
      if (result.ok) return c.text('OK')
      throw refuse(STATUS[result.error.code] ?? 400, messageOf(result.error))
    },
  )
  return app
}

function messageOf(error: PlcError): string {
  return `${error.code}: ${error.message}`
}

function readAfter(after: string | undefined): number {
  if (after === undefined || after === '') return 0
  const time = Date.parse(after)
  if (Number.isNaN(time)) throw new HTTPException(400, { message: 'Invalid after parameter' })
  return time
}

function readCount(count: string | undefined): number {
  if (count === undefined || count === '') return MAX_EXPORT
  if (!/^[0-9]{1,9}$/.test(count) || Number(count) < 1) {
    throw new HTTPException(400, { message: 'Invalid count parameter' })
  }
  return Math.min(Number(count), MAX_EXPORT)
}
