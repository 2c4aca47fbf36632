import { IdResolver } from '@atproto/identity'

const resolver = new IdResolver()
const found = await resolver.handle.resolve('alice.example.com')
const { did, pds } = await resolver.did.resolveAtprotoData(found!)
console.log(did, pds)
