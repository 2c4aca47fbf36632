import { readFile, writeFile } from 'node:fs/promises'
import { AtpAgent } from '@atproto/api'

const agent = new AtpAgent({ service: 'https://pds.example.com' })
await agent.login({ identifier: 'alice.example.com', password: process.env['APP_PASSWORD']! })
const uploaded = await agent.uploadBlob(await readFile('photo.png'), { encoding: 'image/png' })
const image = uploaded.data.blob
const embed = { $type: 'app.bsky.embed.images' as const, images: [{ image, alt: 'A photo' }] }
await agent.post({ text: 'Look', embed })
const copy = await agent.com.atproto.sync.getBlob({ did: agent.assertDid, cid: `${image.ref}` })
await writeFile('copy.png', copy.data)
console.log(`${image.ref}`)
