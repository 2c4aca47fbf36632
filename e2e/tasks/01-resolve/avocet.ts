import { resolve } from '@avocet/atproto'

const { did, pds } = await resolve('alice.example.com')
console.log(did, pds)
