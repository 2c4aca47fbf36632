import { AtpAgent } from '@atproto/api'
import { IdResolver } from '@atproto/identity'
import { verifyRepoCar } from '@atproto/repo'

const resolver = new IdResolver()
const found = await resolver.handle.resolve('alice.example.com')
const { did, pds, signingKey } = await resolver.did.resolveAtprotoData(found!)
const { data } = await new AtpAgent({ service: pds }).com.atproto.sync.getRepo({ did })
const { creates } = await verifyRepoCar(data, did, signingKey)
for (const { collection, rkey, cid } of creates) console.log(`at://${did}/${collection}/${rkey}`, `${cid}`)
