import { createKeypair } from '@avocet/crypto'
import { createMemoryRepoStore, createRepoWriter, prepareWrite } from '@avocet/repo'

const writer = createRepoWriter({ store: createMemoryRepoStore(), signer: createKeypair() })
const record = { $type: 'com.example.note', text: 'Hello' }
const write = prepareWrite({ action: 'create', collection: 'com.example.note', rkey: 'one', record })
const { data } = await writer.create('did:web:alice.example.com', [write])
console.log(`${data}`)
