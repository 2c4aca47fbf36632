// A labeler: posts with a word get a label, until they are deleted. Behind a proxy that does TLS, at https://<host>. Keep the key and the file.
//
//   LABEL_KEY=$(openssl rand -hex 32) PORT=3000 node examples/labeler.ts labels.example.com avocado
import { firehose } from '@avocet/atproto'
import { formatMultikey, importKeypair } from '@avocet/crypto'
import { createLabeler, queryLabels, subscribeLabels } from '@avocet/labels/server'
import { openLabelStore } from '@avocet/labels/sqlite'
import * as Post from '@avocet/lexicons/app.bsky.feed.post'
import { openDatabase } from '@avocet/sqlite'
import { createRouter } from '@avocet/xrpc-server'
import { serve } from '@avocet/xrpc-server/node'

const [host, word] = process.argv.slice(2)
if (host === undefined || word === undefined) throw new Error('usage: labeler.ts <host> <word>')
const did = `did:web:${host}` as const
const signer = importKeypair('k256', Buffer.from(process.env['LABEL_KEY'] ?? '', 'hex'))
const store = openLabelStore(openDatabase({ path: process.env['LABELS_DB'] ?? 'labels.db' }))
const labeler = createLabeler({ did, signer, store })

const router = createRouter()
queryLabels(router, labeler)
subscribeLabels(router, labeler)

const document = {
  '@context': ['https://www.w3.org/ns/did/v1', 'https://w3id.org/security/multikey/v1'],
  id: did,
  verificationMethod: [
    {
      id: `${did}#atproto_label`,
      type: 'Multikey',
      controller: did,
      publicKeyMultibase: formatMultikey(signer.publicKey),
    },
  ],
  service: [{ id: '#atproto_labeler', type: 'AtprotoLabeler', serviceEndpoint: `https://${host}` }],
}
await using server = await serve({
  router,
  port: Number(process.env['PORT'] ?? 3000),
  // Who the service is, and by which key its labels hold: where did:web looks for it.
  fetch: ({ url }) =>
    new URL(url).pathname === '/.well-known/did.json'
      ? Response.json(document)
      : new Response('', { status: 404 }),
})
console.log(`${did} is at ${server.url}`)

for await (const { action, uri, value } of firehose({ collections: ['app.bsky.feed.post'] })) {
  if (action !== 'delete' && Post.isPost(value) && value.text.includes(word)) {
    await labeler.create({ uri, val: word })
  } else {
    // Says nothing about what has no label.
    await labeler.negate({ uri, val: word })
  }
}
