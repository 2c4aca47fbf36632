// A did:plc directory over HTTP: the real one, and beside it documents that no honest directory would hand out.
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { buffer } from 'node:stream/consumers'

import { createPlcDirectory } from '@avocet/plc-directory'

/** A service in a DID document. */
export interface ServiceEntry {
  readonly id: string
  readonly type: string
  readonly serviceEndpoint: unknown
}

/** A running directory. */
export interface HostileDirectory extends AsyncDisposable {
  readonly url: string
  /** Makes a DID whose document has these services, and this multikey as `#atproto`. */
  did(services: readonly ServiceEntry[], multikey?: string): string
}

/** The letters of did:plc. */
const BASE32 = 'abcdefghijklmnopqrstuvwxyz234567'

export async function startDirectory(): Promise<HostileDirectory> {
  const plc = await createPlcDirectory({ port: 0, rateLimits: null })
  const documents = new Map<string, object>()
  const server = createServer((request, response) => {
    void (async () => {
      const document = documents.get(decodeURIComponent(request.url!.slice(1)))
      if (document !== undefined) {
        response.setHeader('content-type', 'application/did+ld+json')
        response.end(JSON.stringify(document))
        return
      }
      const body = await buffer(request)
      const answer = await plc.fetch(
        new Request(`${plc.url}${request.url}`, {
          method: request.method!,
          headers: { 'content-type': request.headers['content-type'] ?? 'application/json' },
          ...(body.length === 0 ? {} : { body: new Uint8Array(body) }),
        }),
      )
      response.writeHead(answer.status, Object.fromEntries(answer.headers))
      response.end(Buffer.from(await answer.arrayBuffer()))
    })()
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    did: (service, multikey) => {
      let id = 'did:plc:'
      for (let rest = documents.size, at = 0; at < 24; at++, rest = Math.floor(rest / 32))
        id += BASE32[(rest + (at === 23 ? 1 : 0)) % 32]
      const verificationMethod =
        multikey === undefined
          ? []
          : [{ id: `${id}#atproto`, type: 'Multikey', controller: id, publicKeyMultibase: multikey }]
      documents.set(id, { '@context': ['https://www.w3.org/ns/did/v1'], id, verificationMethod, service })
      return id
    },
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await plc.close()
    },
  }
}
