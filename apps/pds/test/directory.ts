import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

import {
  didForOperation,
  operationToDidDocument,
  parseOperation,
  verifyLog,
  type SignedOperation,
} from '@avocet/plc'
import type { Did } from '@avocet/syntax'

/** A did:plc directory in memory: every operation is verified against the whole log before it counts. */
export interface TestDirectory extends AsyncDisposable {
  readonly url: string
  /** Answers 500 to everything handed in, and to questions for a log, while true. */
  broken: boolean
  /** Takes what is handed in, and answers 500 all the same, while true. */
  answerLost: boolean
  log(did: string): readonly SignedOperation[]
  dids(): string[]
}

export async function startDirectory(): Promise<TestDirectory> {
  const logs = new Map<string, SignedOperation[]>()

  const submit = async (did: Did, body: string): Promise<number> => {
    if (directory.broken) return 500
    const parsed = parseOperation(JSON.parse(body))
    if (!parsed.ok) return 400
    const log = logs.get(did) ?? []
    if (log.length === 0 && didForOperation(parsed.value as never) !== did) return 400
    const verified = await verifyLog(did, [...log, parsed.value])
    if (!verified.ok) return 400
    logs.set(did, [...log, parsed.value])
    return directory.answerLost ? 500 : 200
  }

  const server = createServer((request, response) => {
    void (async () => {
      const [, did = '', ...rest] = (request.url ?? '/').split('/').map(decodeURIComponent)
      if (did === '_health') {
        response.writeHead(200, { 'content-type': 'application/json' }).end('{"version":"test"}')
        return
      }
      if (request.method === 'POST') {
        response.writeHead(await submit(did as Did, await text(request))).end('{}')
        return
      }
      if (directory.broken && rest[0] === 'log') {
        response.writeHead(500).end('{}')
        return
      }
      const last = logs.get(did)?.at(-1)
      const answer =
        last === undefined ? null : rest[0] === 'log' ? last : operationToDidDocument(did as Did, last)
      response.writeHead(answer === null ? 404 : 200, { 'content-type': 'application/json' })
      response.end(JSON.stringify(answer ?? { message: `DID not registered: ${did}` }))
    })()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const directory: TestDirectory = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    broken: false,
    answerLost: false,
    log: (did) => logs.get(did) ?? [],
    dids: () => [...logs.keys()],
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return directory
}
