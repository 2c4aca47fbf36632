import { Secp256k1Keypair } from '@atproto/crypto'
import { MemoryBlockstore, Repo, WriteOpAction } from '@atproto/repo'

const key = await Secp256k1Keypair.create()
const record = { $type: 'com.example.note', text: 'Hello' }
const write = { action: WriteOpAction.Create, collection: 'com.example.note', rkey: 'one', record } as const
const repo = await Repo.create(new MemoryBlockstore(), 'did:web:alice.example.com', key, [write])
console.log(`${repo.commit.data}`)
