import { readFile, writeFile } from 'node:fs/promises'
import { agent, blob, signIn } from '@avocet/atproto'
import * as Post from '@avocet/lexicons/app.bsky.feed.post'

const me = agent(await signIn('alice.example.com', process.env['APP_PASSWORD']!))
const image = await me.uploadBlob(await readFile('photo.png'), 'image/png')
const embed = { $type: 'app.bsky.embed.images' as const, images: [{ image, alt: 'A photo' }] }
await me.create(Post.main, { text: 'Look', embed })
await writeFile('copy.png', (await blob(me.did, image)).stream)
console.log(`${image.ref}`)
